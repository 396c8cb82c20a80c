import RedrafterFormats
import RedrafterTraining

/// Outputs of a model's layers for texts, in a folder on the disk, so that later runs need not compute them: one file for each text,
/// named by what it depends on.
///
///     FOLDER/1f/1f3a….taps     values in half precision, row by row, then the SHA-256 of these as text
///
/// A file that is damaged, of another size or missing is one that was never written: its text is computed again.
struct TapFolder {
    private let directory: String
    /// Tells models and layers apart.
    private let source: String

    private static let ending = ".taps"
    private static let digestBytes = 64

    /// Makes the folder where it is missing.
    /// - Parameters:
    ///   - directory: the folder.
    ///   - embedding: the model's table, which tells it from others. `[vocabulary, hidden]`
    ///   - layers: whose outputs are kept.
    /// - Throws: `FormatError` where the folder cannot be made.
    init(_ directory: String, embedding: [Float], layers: [Int]) throws(FormatError) {
        self.directory = directory
        var digest = SHA256()
        embedding.withUnsafeBytes { digest.add($0) }
        layers.withUnsafeBytes { digest.add($0) }
        source = digest.finish()
        try OutputDirectory.create(directory)
    }

    /// The values of a text; nil where the folder has none.
    /// - Parameters:
    ///   - tokens: of the text.
    ///   - count: values that there must be.
    func values(of tokens: [Int32], count: Int) -> [UInt16]? {
        guard let file = try? MappedFile(path: path(of: tokens)) else { return nil }
        return withExtendedLifetime(file) { () -> [UInt16]? in
            let size = count * MemoryLayout<UInt16>.stride
            guard file.bytes.count == size + Self.digestBytes else { return nil }
            let values = UnsafeRawBufferPointer(rebasing: file.bytes[..<size])
            guard file.bytes[size...].elementsEqual(SHA256.hexadecimal(values).utf8) else { return nil }
            return [UInt16](unsafeUninitializedCapacity: count) { target, initialized in
                UnsafeMutableRawBufferPointer(target).copyMemory(from: values)
                initialized = count
            }
        }
    }

    /// Keeps the values of a text.
    /// - Throws: `FormatError`, for example where the disk is full.
    func keep(_ values: [UInt16], of tokens: [Int32]) throws(FormatError) {
        let path = path(of: tokens)
        try OutputDirectory.create(FilePath.directory(of: path))
        let file = try AtomicFile(path: path)
        let digest = values.withUnsafeBytes { SHA256.hexadecimal($0) }
        try values.withUnsafeBufferPointer { (values) throws(FormatError) in
            try file.write(UnsafeRawBufferPointer(values))
        }
        try file.write(Array(digest.utf8))
        try file.commit()
    }

    private func path(of tokens: [Int32]) -> String {
        var digest = SHA256()
        Array(source.utf8).withUnsafeBytes { digest.add($0) }
        tokens.withUnsafeBytes { digest.add($0) }
        let name = digest.finish()
        return FilePath.join(FilePath.join(directory, String(name.prefix(2))), name + Self.ending)
    }
}
