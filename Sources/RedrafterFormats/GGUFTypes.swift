import RedrafterCore

/// The types of metadata values; raw values are the ids of the format.
public enum GGUFValueType: UInt32, Sendable, Hashable, CaseIterable {
    case uint8 = 0
    case int8, uint16, int16, uint32, int32, float32, bool, string, array, uint64, int64, float64

    /// The name used in reports: `u32`, `str`, …
    public var name: String {
        switch self {
        case .uint8: "u8"
        case .int8: "i8"
        case .uint16: "u16"
        case .int16: "i16"
        case .uint32: "u32"
        case .int32: "i32"
        case .float32: "f32"
        case .bool: "bool"
        case .string: "str"
        case .array: "arr"
        case .uint64: "u64"
        case .int64: "i64"
        case .float64: "f64"
        }
    }

    /// Bytes of one value; nil for strings and arrays.
    public var byteCount: Int? {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64: 8
        case .string, .array: nil
        }
    }
}

/// An element type of ggml, whether this engine computes with it or not.
///
/// The sizes of all of them are known, so that a file with foreign tensors still opens and can be inspected.
public struct GGUFTensorType: Sendable, Hashable {
    /// The type's id in files.
    public let id: UInt32
    /// llama.cpp's name: `q4_K`, `iq2_xs`, …
    public let name: String
    /// Elements in a block.
    public let blockLength: Int
    /// Bytes of a block.
    public let blockBytes: Int

    /// The type this engine computes with; nil for foreign ones.
    public var weightType: WeightType? { WeightType(rawValue: id) }

    /// The type with this id; nil for ids that were never given or were withdrawn.
    public init?(id: UInt32) {
        if let type = WeightType(rawValue: id) {
            self.init(id: id, name: type.name, blockLength: type.blockLength, blockBytes: type.blockBytes)
            return
        }
        guard let foreign = Self.foreign.first(where: { $0.id == id }) else { return nil }
        self = foreign
    }

    /// The type of a weight.
    public init(_ type: WeightType) {
        self.init(
            id: type.rawValue, name: type.name, blockLength: type.blockLength, blockBytes: type.blockBytes)
    }

    /// The name of a type that was withdrawn from the format; nil for other ids.
    public static func retiredName(id: UInt32) -> String? {
        switch id {
        case 4: "q4_2"
        case 5: "q4_3"
        case 31: "q4_0_4_4"
        case 32: "q4_0_4_8"
        case 33: "q4_0_8_8"
        case 36: "iq4_nl_4_4"
        case 37: "iq4_nl_4_8"
        case 38: "iq4_nl_8_8"
        default: nil
        }
    }

    private init(id: UInt32, name: String, blockLength: Int, blockBytes: Int) {
        self.id = id
        self.name = name
        self.blockLength = blockLength
        self.blockBytes = blockBytes
    }

    private static let foreign: [GGUFTensorType] = [
        GGUFTensorType(id: 9, name: "q8_1", blockLength: 32, blockBytes: 36),
        GGUFTensorType(id: 10, name: "q2_K", blockLength: 256, blockBytes: 84),
        GGUFTensorType(id: 11, name: "q3_K", blockLength: 256, blockBytes: 110),
        GGUFTensorType(id: 15, name: "q8_K", blockLength: 256, blockBytes: 292),
        GGUFTensorType(id: 16, name: "iq2_xxs", blockLength: 256, blockBytes: 66),
        GGUFTensorType(id: 17, name: "iq2_xs", blockLength: 256, blockBytes: 74),
        GGUFTensorType(id: 18, name: "iq3_xxs", blockLength: 256, blockBytes: 98),
        GGUFTensorType(id: 19, name: "iq1_s", blockLength: 256, blockBytes: 50),
        GGUFTensorType(id: 20, name: "iq4_nl", blockLength: 32, blockBytes: 18),
        GGUFTensorType(id: 21, name: "iq3_s", blockLength: 256, blockBytes: 110),
        GGUFTensorType(id: 22, name: "iq2_s", blockLength: 256, blockBytes: 82),
        GGUFTensorType(id: 23, name: "iq4_xs", blockLength: 256, blockBytes: 136),
        GGUFTensorType(id: 24, name: "i8", blockLength: 1, blockBytes: 1),
        GGUFTensorType(id: 25, name: "i16", blockLength: 1, blockBytes: 2),
        GGUFTensorType(id: 26, name: "i32", blockLength: 1, blockBytes: 4),
        GGUFTensorType(id: 27, name: "i64", blockLength: 1, blockBytes: 8),
        GGUFTensorType(id: 28, name: "f64", blockLength: 1, blockBytes: 8),
        GGUFTensorType(id: 29, name: "iq1_m", blockLength: 256, blockBytes: 56),
        GGUFTensorType(id: 34, name: "tq1_0", blockLength: 256, blockBytes: 54),
        GGUFTensorType(id: 35, name: "tq2_0", blockLength: 256, blockBytes: 66),
        GGUFTensorType(id: 39, name: "mxfp4", blockLength: 32, blockBytes: 17),
    ]
}
