import RedrafterCore
import RedrafterFormats

/// A file of a repository.
public struct HubFile: Sendable, Hashable {
    /// Bytes of a file at most: sums of sizes stay far below what overflows.
    static let largest = 1 << 50

    /// Its path in the repository.
    public var path: String
    /// Its size in bytes; nil where the hub did not say it with the list.
    public var byteCount: Int?
    /// The name of its content in the cache: git's hash, or SHA-256 for large files. Nil as `byteCount`.
    public var blob: String?

    public init(path: String, byteCount: Int?, blob: String?) {
        self.path = path
        self.byteCount = byteCount
        self.blob = blob
    }

    /// The last part of the path.
    public var name: String { FilePath.name(of: path) }

    /// Whether `blob` comes from a list: then one of 40 digits is git's hash of the content. A tag of a response may be anything.
    var isListed = false
}

/// What a repository holds at one commit.
public struct HubListing: Sendable {
    public var repository: String
    public var commit: String
    public var files: [HubFile]

    public init(repository: String, commit: String, files: [HubFile]) {
        self.repository = repository
        self.commit = commit
        self.files = files
    }

    /// The longest answer that is read.
    static let byteLimit = 32 << 20
    private static let fileLimit = 100_000

    /// Reads the hub's answer to `/api/models/ORG/NAME/revision/REVISION?blobs=true`. Files whose names lead out of their
    /// folder make it unusable as a whole.
    /// - Throws: `HubError.badResponse`, `.unsafeName`.
    init(parsing bytes: [UInt8], repository: String, address: String) throws(HubError) {
        func bad(_ what: String, _ expected: String, _ got: String) -> HubError {
            .badResponse(address: address, what: what, expected: expected, got: got)
        }
        let json: JSONValue
        do throws(FormatError) {
            json = try JSONValue(parsing: bytes, path: address)
        } catch {
            throw bad("the response", "JSON", "none (\(error.problem))")
        }
        guard let commit = json["sha"]?.string, HubPath.isCommit(commit) else {
            throw bad("sha", "a commit of 40 hexadecimal digits", json["sha"]?.summary ?? "missing")
        }
        guard let siblings = json["siblings"]?.array, siblings.count <= Self.fileLimit else {
            throw bad(
                "siblings", "a list of at most \(Self.fileLimit) files",
                json["siblings"]?.summary ?? "missing")
        }
        var files = [HubFile]()
        var names = Set<[UInt8]>()
        for sibling in siblings {
            guard let path = sibling["rfilename"]?.string else {
                throw bad("rfilename of a file", "a name", sibling["rfilename"]?.summary ?? "missing")
            }
            try HubPath.check(path)
            guard names.insert(Array(path.utf8)).inserted else {
                throw bad("the list of files", "one without repetition", "\"\(path)\" twice")
            }
            files.append(try Self.file(path, sibling, bad))
        }
        self.init(repository: repository, commit: commit, files: files)
    }

    private static func file(
        _ path: String, _ json: JSONValue, _ bad: (String, String, String) -> HubError
    ) throws(HubError) -> HubFile {
        let large = json["lfs"].flatMap { $0.isNull ? nil : $0 }
        let size = large?["size"] ?? json["size"]
        let blob = large?["sha256"] ?? large?["oid"] ?? json["blobId"]
        guard let size, !size.isNull, let blob, !blob.isNull else {
            return HubFile(path: path, byteCount: nil, blob: nil)
        }
        guard let byteCount = size.integer, (0...HubFile.largest).contains(byteCount) else {
            throw bad("the size of \"\(path)\"", "a number from 0 to 2⁵⁰", size.summary)
        }
        guard let name = blob.string, HubPath.isBlobName(name) else {
            throw bad("the hash of \"\(path)\"", "40 or 64 hexadecimal digits", blob.summary)
        }
        var file = HubFile(path: path, byteCount: byteCount, blob: name)
        file.isListed = true
        return file
    }
}
