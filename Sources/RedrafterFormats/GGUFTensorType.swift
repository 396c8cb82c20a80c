import RedrafterCore

/// Geometry of all tensor types a GGUF file may hold, also of those this project does not compute with.
enum GGUFTensorType {
    /// Elements and bytes of one block; nil for unknown and retired ids.
    static func geometry(_ id: UInt32) -> (block: Int, bytes: Int)? {
        if let type = WeightType(rawValue: id) { return (type.blockLength, type.blockBytes) }
        return others[id].map { ($0.block, $0.bytes) }
    }

    static func name(_ id: UInt32) -> String {
        if let type = WeightType(rawValue: id) { return type.name }
        if let other = others[id] { return other.name }
        return [4, 5].contains(id) ? "type \(id), which was retired" : "unknown type \(id)"
    }

    private static let others: [UInt32: (name: String, block: Int, bytes: Int)] = [
        9: ("q8_1", 32, 36), 10: ("q2_K", 256, 84), 11: ("q3_K", 256, 110), 15: ("q8_K", 256, 292),
        16: ("iq2_xxs", 256, 66), 17: ("iq2_xs", 256, 74), 18: ("iq3_xxs", 256, 98), 19: ("iq1_s", 256, 50),
        20: ("iq4_nl", 32, 18), 21: ("iq3_s", 256, 110), 22: ("iq2_s", 256, 82), 23: ("iq4_xs", 256, 136),
        24: ("i8", 1, 1), 25: ("i16", 1, 2), 26: ("i32", 1, 4), 27: ("i64", 1, 8), 28: ("f64", 1, 8),
        29: ("iq1_m", 256, 56), 34: ("tq1_0", 256, 54), 35: ("tq2_0", 256, 66), 39: ("mxfp4", 32, 17),
    ]
}
