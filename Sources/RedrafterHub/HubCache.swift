import RedrafterCore
import RedrafterFormats
import RedrafterPlatform

/// The cache of Hugging Face's own programs:
///
///     models--ORG--NAME/
///       blobs/HASH                     the contents, each once; HASH.incomplete where a fetch ended early
///       refs/main                      the commit that a branch or a tag was at
///       snapshots/COMMIT/PATH          links to the contents, `../../blobs/HASH`
///     .locks/models--ORG--NAME/HASH.lock
///
/// Names that come from the hub were checked (`HubPath`), and nothing is written through links that lie in the way.
struct HubCache {
    let directory: String

    /// - Throws: `HubError.invalidSetting` where there is no place for a cache.
    init(_ settings: HubSettings) throws(HubError) {
        guard let directory = settings.cacheDirectory, !directory.utf8.contains(0) else {
            throw .invalidSetting(name: "HF_HOME", got: "", expected: "a folder, as HOME is not set either")
        }
        self.directory = directory
    }

    func folder(of repository: String) -> String {
        FilePath.join(
            directory, "models--" + repository.split(separator: "/").joined(separator: "--"))
    }

    func blob(_ name: String, of repository: String) -> String { "\(folder(of: repository))/blobs/\(name)" }

    func snapshot(_ commit: String, of repository: String) -> String {
        "\(folder(of: repository))/snapshots/\(commit)"
    }

    func lock(_ blob: String, of repository: String) -> String {
        let name = FilePath.name(of: folder(of: repository))
        return "\(directory)/.locks/\(name)/\(blob).lock"
    }

    // MARK: Reading

    /// The commit that a revision was at when it was fetched; nil where it never was.
    func commit(_ reference: HubReference) -> String? {
        if HubPath.isCommit(reference.revision) { return reference.revision }
        do throws(FormatError) {
            let file = try MappedFile(path: "\(folder(of: reference.repository))/refs/\(reference.revision)")
            let text = String(decoding: file.bytes.prefix(64), as: UTF8.self)
            let commit = String(text.prefix { !$0.isWhitespace })
            return HubPath.isCommit(commit) ? commit : nil
        } catch {
            return nil
        }
    }

    /// The files of a snapshot that are there as a whole. Links that leave the cache are left out.
    func listing(of repository: String, commit: String) -> HubListing {
        let root = snapshot(commit, of: repository)
        var files = [HubFile]()
        var folders = [""]
        let home = FilePath.resolved(directory).map { $0 + "/" }
        while let folder = folders.popLast(), files.count < 100_000 {
            for name in Self.names(in: "\(root)/\(folder)") {
                let path = folder.isEmpty ? name : "\(folder)/\(name)"
                var status = stat()
                guard lstat("\(root)/\(path)", &status) == 0 else { continue }
                if status.st_mode & S_IFMT == S_IFDIR {
                    if path.split(separator: "/").count < 8 { folders.append(path) }
                    continue
                }
                guard let home, let target = FilePath.resolved("\(root)/\(path)"), target.hasPrefix(home),
                    stat(target, &status) == 0, status.st_mode & S_IFMT == S_IFREG
                else { continue }
                let blob = FilePath.name(of: target)
                files.append(
                    HubFile(
                        path: path, byteCount: Int(status.st_size),
                        blob: HubPath.isBlobName(blob) ? blob : nil))
            }
        }
        return HubListing(
            repository: repository, commit: commit, files: files.sorted { $0.path < $1.path })
    }

    /// Bytes of the content that are there as a whole; nil where it is not, or not of this size.
    func hasBlob(_ name: String, of repository: String, size: Int) -> Bool {
        var status = stat()
        return stat(blob(name, of: repository), &status) == 0 && status.st_mode & S_IFMT == S_IFREG
            && Int(status.st_size) == size
    }

    /// The names in a directory; none where it cannot be read.
    static func names(in directory: String) -> [String] {
        do throws(FormatError) { return try FilePath.names(in: directory) } catch { return [] }
    }

    // MARK: Writing

    /// Makes the folders of a repository.
    func prepare(_ repository: String) throws(HubError) {
        try Self.makeDirectories(directory)
        let folder = folder(of: repository)
        for path in [folder, "\(folder)/blobs", "\(folder)/refs", "\(folder)/snapshots"] {
            try Self.makeDirectory(path)
        }
        try Self.makeDirectory("\(directory)/.locks")
        try Self.makeDirectory("\(directory)/.locks/\(FilePath.name(of: folder))")
    }

    /// Notes the commit that a revision is at.
    func setCommit(_ commit: String, of reference: HubReference) throws(HubError) {
        guard !HubPath.isCommit(reference.revision), self.commit(reference) != commit else { return }
        let refs = "\(folder(of: reference.repository))/refs"
        let path = try Self.makeParents(of: reference.revision, in: refs)
        try Self.replace(path) { temporary in
            let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { return false }
            defer { close(descriptor) }
            return commit.withCString { write(descriptor, $0, 40) } == 40
        }
    }

    /// Puts a content under its path into a snapshot. Where the file system has no links, the content itself goes there.
    /// - Returns: the path.
    @discardableResult func link(
        _ blob: String, as path: String, in commit: String, of repository: String
    ) throws(HubError) -> String {
        let snapshot = snapshot(commit, of: repository)
        try Self.makeDirectory(snapshot)
        let place = try Self.makeParents(of: path, in: snapshot)
        let depth = path.utf8.count { $0 == UInt8(ascii: "/") }
        let target = String(repeating: "../", count: depth + 2) + "blobs/" + blob
        let content = self.blob(blob, of: repository)
        if let there = FilePath.resolved(place), there == FilePath.resolved(content) { return place }
        try Self.replace(place) { temporary in
            symlink(target, temporary) == 0
                || ([EPERM, ENOTSUP, ENOSYS].contains(errno) && rename(content, temporary) == 0)
        }
        return place
    }

    /// The path of a file, once the folders on the way exist and none of them is a link.
    private static func makeParents(of path: String, in root: String) throws(HubError) -> String {
        var place = root
        for part in path.split(separator: "/").dropLast() {
            place += "/\(part)"
            try makeDirectory(place)
        }
        return "\(root)/\(path)"
    }

    private static func makeDirectories(_ path: String) throws(HubError) {
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return }
        let parent = FilePath.directory(of: path)
        if parent != path, parent != ".", parent != "/" { try makeDirectories(parent) }
        guard mkdir(path, 0o777) == 0 || errno == EEXIST else { throw failure(path, errno) }
    }

    private static func makeDirectory(_ path: String) throws(HubError) {
        if mkdir(path, 0o777) == 0 { return }
        guard errno == EEXIST else { throw failure(path, errno) }
        var status = stat()
        guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw .unsafeName(name: path, reason: "a link or a file is in the place of a folder of the cache")
        }
    }

    /// Makes something under a name that nobody else has, and gives it its own.
    private static func replace(_ path: String, _ make: (String) -> Bool) throws(HubError) {
        var generator = SystemRandomNumberGenerator()
        let temporary = "\(path).\(String(generator.next() as UInt32, radix: 16)).tmp"
        guard make(temporary), rename(temporary, path) == 0 else {
            let code = errno
            unlink(temporary)
            throw failure(path, code)
        }
    }

    static func failure(_ path: String, _ code: Int32) -> HubError {
        switch code {
        case EACCES, EPERM, EROFS: .file(.permission(file: path, reason: "permission denied to create it"))
        case ENOSPC, EDQUOT:
            .noSpace(
                directory: FilePath.directory(of: path), needed: 4096, available: DiskSpace.free(path) ?? 0)
        default: .file(.cannotCreate(file: path, reason: SystemError.text(code)))
        }
    }
}
