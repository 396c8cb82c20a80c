import RedrafterCore
import RedrafterFormats

extension DistillationManifest {
    /// Data of fewer bytes are checked in no time; `SHA256` reads some 200 MB a second.
    static let noticeableBytes = 512 << 20

    /// Reads the shards and compares their bytes with the digests that were recorded when they were written.
    /// - Parameters:
    ///   - directory: of the data set.
    ///   - limit: stops after the shard that reaches so many tokens.
    ///   - onCheck: called with the bytes to read, before that takes seconds.
    /// - Returns: a digest of the names and bytes of all these shards, by which a run knows its data again.
    /// - Throws: `FormatError.altered` with the first shard whose bytes are others; what `MappedFile` throws.
    @discardableResult
    public func check(
        in directory: String, limit: Int? = nil, onCheck: (Int) -> Void = { _ in }
    ) throws(FormatError) -> String {
        let read = part(limit)
        var bytes = 0
        for shard in read {
            bytes += try MappedFile(path: FilePath.join(directory, shard.file)).bytes.count
        }
        if bytes >= Self.noticeableBytes { onCheck(bytes) }
        var all = SHA256()
        for shard in read {
            let file = try MappedFile(path: FilePath.join(directory, shard.file))
            let digest = withExtendedLifetime(file) { SHA256.hexadecimal(file.bytes) }
            if let recorded = shard.sha256, recorded != digest {
                throw .altered(file: file.path, expected: recorded, got: digest)
            }
            Array("\(shard.file) \(digest)\n".utf8).withUnsafeBytes { all.add($0) }
        }
        return all.finish()
    }

    /// Refuses a data set that cannot be trained on together with another one.
    /// - Throws: `FormatError.invalid` naming the difference.
    func check(
        isLike first: DistillationManifest, in directory: String, other: String
    ) throws(FormatError) {
        func refuse(_ field: String, _ expected: String, _ got: String) -> FormatError {
            .invalid(
                file: "\(directory)/\(Self.fileName)", field: field, expected: "\(expected), as in \(other)",
                got: got, offset: nil)
        }
        guard fingerprint == first.fingerprint else {
            throw refuse("the model", first.fingerprint.json.text(), fingerprint.json.text())
        }
        guard shape == first.shape else { throw refuse("what it stores", "\(first.shape)", "\(shape)") }
    }

    /// A shard of the directory.
    /// - Throws: `FormatError` where it is not what the manifest says.
    func open(_ entry: Shard, in directory: String) throws(FormatError) -> DistillationShard {
        let path = "\(directory)/\(entry.file)"
        let shard = try DistillationShard(path: path, vocabularySize: fingerprint.vocabularySize)
        guard shard.shape == shape, shard.tokens.count == entry.tokens else {
            throw .invalid(
                file: path, field: "its size", expected: "\(entry.tokens) tokens as the manifest says",
                got: "\(shard.tokens.count) tokens, \(shard.shape)", offset: nil)
        }
        return shard
    }

    /// The shards with answers, as far as the one that reaches so many tokens.
    func part(_ limit: Int?) -> [Shard] {
        var (part, tokens) = ([Shard](), 0)
        for shard in shards where shard.answers > 0 {
            part.append(shard)
            tokens += shard.tokens
            if let limit, tokens >= limit { break }
        }
        return part
    }

    /// What is odd about the data but no error, one sentence each.
    public var warnings: [String] {
        let count = shards.filter { $0.answers > 0 && $0.sha256 == nil }.count
        guard count > 0 else { return [] }
        return [
            "\(count) of \(shards.count) shards have no digest, for an earlier version has made them: damage to them "
                + "is not noticed"
        ]
    }
}
