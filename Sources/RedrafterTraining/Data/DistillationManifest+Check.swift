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
