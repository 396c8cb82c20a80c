import RedrafterFormats
import RedrafterPlatform

/// A model that lies in a cache.
public struct CachedModel: Sendable, Hashable {
    /// What `-m` takes for it: `hf:ORG/NAME:Q4_K_M`, or a path.
    public var name: String
    /// The file or folder to load.
    public var path: String
    /// `gguf` or `safetensors`.
    public var format: String
    /// As the file's name says; nil where it does not.
    public var quantization: String?
    /// Of a model from the hub.
    public var commit: String?
    /// Branches and tags that were at this commit when they were fetched.
    public var revisions: [String]
    public var fileCount: Int
    /// Bytes that are there.
    public var byteCount: Int
    /// Whether nothing is missing.
    public var isComplete: Bool
}

extension CachedModel {
    /// The GGUF models of a folder, such as this project's own cache; nothing where it cannot be read.
    public static func models(in directory: String) -> [CachedModel] {
        var files = [HubFile]()
        for name in HubCache.names(in: directory) where name.hasSuffix(".gguf") {
            var status = stat()
            guard stat(FilePath.join(directory, name), &status) == 0, status.st_mode & S_IFMT == S_IFREG
            else { continue }
            files.append(HubFile(path: name, byteCount: Int(status.st_size), blob: nil))
        }
        return GGUFGroup.groups(in: files).map { group in
            let path = FilePath.join(directory, group.entry)
            return CachedModel(group, name: path, path: path)
        }
    }

    fileprivate init(
        _ group: GGUFGroup, name: String, path: String, commit: String? = nil, revisions: [String] = []
    ) {
        self.init(
            name: name, path: path, format: "gguf", quantization: group.quantization, commit: commit,
            revisions: revisions, fileCount: group.files.count, byteCount: group.files.byteCount,
            isComplete: group.isComplete)
    }
}

extension Hub {
    /// What the cache holds, by name; also models of which only a part is there.
    public func models() -> [CachedModel] {
        let prefix = "models--"
        return HubCache.names(in: cache.directory).flatMap { folder -> [CachedModel] in
            guard folder.hasPrefix(prefix) else { return [] }
            let parts = String(folder.dropFirst(prefix.count)).split(separator: "--", maxSplits: 1)
            let repository = parts.joined(separator: "/")
            let home = FilePath.join(cache.directory, folder)
            let revisions = revisions(in: home)
            return HubCache.names(in: home + "/snapshots").filter(HubPath.isCommit).flatMap { commit in
                models(of: repository, commit, revisions: revisions[commit] ?? [])
            } + partial(repository, home)
        }
    }

    private func models(of repository: String, _ commit: String, revisions: [String]) -> [CachedModel] {
        let listing = cache.listing(of: repository, commit: commit)
        let snapshot = cache.snapshot(commit, of: repository)
        let suffix = revisions.contains(HubReference.defaultRevision) ? "" : "@\(revisions.first ?? commit)"
        let base = HubReference.prefix + repository
        let groups = GGUFGroup.groups(in: listing.files)
        var models = groups.map { group in
            let isPlain = groups.count { $0.label == group.label } == 1 && group.quantization != nil
            return CachedModel(
                group, name: base + (isPlain ? ":\(group.label)" : "/\(group.entry)") + suffix,
                path: "\(snapshot)/\(group.entry)", commit: commit, revisions: revisions)
        }
        if let folder = HubChoice.folder(of: listing.files) {
            models.append(
                CachedModel(
                    name: base + suffix, path: snapshot, format: HubChoice.folderLabel, quantization: nil,
                    commit: commit, revisions: revisions, fileCount: folder.files.count,
                    byteCount: folder.files.byteCount, isComplete: folder.isComplete))
        }
        return models
    }

    /// What an interrupted fetch has left, where nothing of the repository is complete.
    private func partial(_ repository: String, _ home: String) -> [CachedModel] {
        let blobs = HubCache.names(in: home + "/blobs").filter { $0.hasSuffix(".incomplete") }
        guard !blobs.isEmpty else { return [] }
        let bytes = blobs.reduce(0) { total, name in
            var status = stat()
            return stat("\(home)/blobs/\(name)", &status) == 0 ? total + Int(status.st_size) : total
        }
        return [
            CachedModel(
                name: HubReference.prefix + repository, path: home, format: "partial", quantization: nil,
                commit: nil,
                revisions: [], fileCount: blobs.count, byteCount: bytes, isComplete: false)
        ]
    }

    /// The names of revisions by commit.
    private func revisions(in home: String) -> [String: [String]] {
        var revisions = [String: [String]]()
        for name in HubCache.names(in: home + "/refs") {
            do throws(FormatError) {
                let file = try MappedFile(path: "\(home)/refs/\(name)")
                let commit = String(decoding: file.bytes.prefix(40), as: UTF8.self)
                revisions[commit, default: []].append(name)
            } catch {
                // A folder, for names with a slash: the commit is shown for them.
                continue
            }
        }
        return revisions
    }
}

extension HubChoice {
    /// The folder of safetensors among files that are there, complete or not; nil where there is none.
    static func folder(of files: [HubFile]) -> (files: [HubFile], isComplete: Bool)? {
        let direct = files.filter { !$0.path.contains("/") }
        let weights = safetensors(direct)
        guard !weights.isEmpty || direct.contains(where: { $0.name == SafetensorsModel.indexName }) else {
            return nil
        }
        let members = direct.filter { belongsToFolder($0.name) } + weights
        let splits = weights.compactMap { SplitName($0.path) }
        let isComplete =
            !weights.isEmpty && splits.count == (splits.first?.count ?? 0)
            && direct.contains { $0.name == "config.json" }
        return (members, isComplete)
    }
}

extension [HubFile] {
    /// Bytes of all files.
    var byteCount: Int { reduce(0) { $0 + ($1.byteCount ?? 0) } }
}
