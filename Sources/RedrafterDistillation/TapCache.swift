import Redrafter
import RedrafterCore
import RedrafterFormats

/// Outputs of a model's layers for texts that are asked for again and again while a drafter is trained: kept as far as a limit of
/// memory allows, in half precision, in a folder on the disk where there is one, and computed anew where they are not.
///
/// All values are rounded, whether they were kept or not, so that they do not depend on the limit.
final class TapCache {
    private let reader: TapReader
    private let folder: TapFolder?
    private let columns: Int
    private var bytesLeft: Int
    /// By text. `[rows, layers · hidden]`
    private var kept: [Int: [UInt16]] = [:]

    /// - Parameters:
    ///   - reader: reads texts.
    ///   - columns: elements of a token's outputs, layers · hidden.
    ///   - bytes: of memory that may be taken. Texts are kept until it is full: in a random order, none comes again sooner than
    ///     another.
    ///   - folder: where they are kept besides.
    init(_ reader: TapReader, columns: Int, bytes: Int, folder: TapFolder?) {
        self.reader = reader
        self.columns = columns
        self.folder = folder
        bytesLeft = bytes
    }

    /// Ascending.
    var layers: [Int] { reader.layers }

    /// - Parameters:
    ///   - text: tells it from others.
    ///   - tokens: of the text.
    /// - Returns: outputs of all tokens, layers side by side. `[tokens, layers · hidden]`
    /// - Throws: `RedrafterError.transformer`, `.backend`; `.format` where the folder cannot be written to.
    func outputs(of text: Int, _ tokens: [Int32]) throws(RedrafterError) -> [Float] {
        if let halves = kept[text] { return halves.map { Float(halfBits: $0) } }
        let stored = folder?.values(of: tokens, count: tokens.count * columns)
        let halves = if let stored { stored } else { try computed(tokens) }
        let bytes = halves.count * MemoryLayout<UInt16>.stride
        if bytes <= bytesLeft {
            bytesLeft -= bytes
            kept[text] = halves
        }
        return halves.map { Float(halfBits: $0) }
    }

    private func computed(_ tokens: [Int32]) throws(RedrafterError) -> [UInt16] {
        try reader.read(tokens)
        let halves = try reader.values(tokens.count).map { Self.bounded($0).halfBits }
        if let folder { try wrapping(RedrafterError.format, try folder.keep(halves, of: tokens)) }
        return halves
    }

    /// Finite in half precision.
    private static func bounded(_ value: Float) -> Float { min(max(value, -65504), 65504) }
}
