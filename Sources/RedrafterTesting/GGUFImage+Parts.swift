extension GGUFImage {
    /// The model in several files, as `gguf-split` writes them: the first has the metadata, each its share of the tensors.
    public func parts(_ count: Int) -> [GGUFImage] {
        (0..<count).map { number in
            var part = self
            if number > 0 { part.pairs = [] }
            let share = tensors.indices.filter { $0 * count / max(1, tensors.count) == number }
            part.tensors = share.map { tensors[$0] }
            part.set("split.no", type: 2, value: Self.encode(UInt16(number)))
            part.set("split.count", type: 2, value: Self.encode(UInt16(count)))
            part.set("split.tensors.count", type: 5, value: Self.encode(Int32(tensors.count)))
            return part
        }
    }
}
