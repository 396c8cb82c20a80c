import Redrafter
import RedrafterFormats

/// Outputs of a model's layers for texts that are asked for again and again while a drafter is trained: kept as far as a limit of
/// memory allows, in half precision, and computed anew where they are not.
///
/// All values are rounded, whether they were kept or not, so that they do not depend on the limit.
final class TapCache {
    private let reader: TapReader
    private var bytesLeft: Int
    /// By text. `[rows, layers · hidden]`
    private var kept: [Int: [UInt16]] = [:]

    /// - Parameters:
    ///   - reader: reads texts.
    ///   - bytes: that may be kept. Texts are kept until it is full: in a random order, none comes again sooner than another.
    init(_ reader: TapReader, bytes: Int) {
        self.reader = reader
        bytesLeft = bytes
    }

    /// Ascending.
    var layers: [Int] { reader.layers }

    /// - Parameters:
    ///   - text: tells it from others.
    ///   - tokens: of the text.
    /// - Returns: outputs of all tokens, layers side by side. `[tokens, layers · hidden]`
    /// - Throws: `RedrafterError.transformer`, `.backend`.
    func outputs(of text: Int, _ tokens: [Int32]) throws(RedrafterError) -> [Float] {
        if let halves = kept[text] { return halves.map { Float(halfBits: $0) } }
        try reader.read(tokens)
        let halves = try reader.values(tokens.count).map { Self.bounded($0).halfBits }
        let bytes = halves.count * MemoryLayout<UInt16>.stride
        if bytes <= bytesLeft {
            bytesLeft -= bytes
            kept[text] = halves
        }
        return halves.map { Float(halfBits: $0) }
    }

    /// Finite in half precision.
    private static func bounded(_ value: Float) -> Float { min(max(value, -65504), 65504) }
}
