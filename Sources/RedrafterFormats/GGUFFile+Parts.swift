/// Models in several files, as llama.cpp's `gguf-split` writes them: every part has the keys `split.no` (from 0), `split.count` and
/// `split.tensors.count` (of all parts), the first one the rest of the metadata, and their names end in `-00001-of-00003.gguf`.
extension GGUFFile {
    private static let numberKey = "split.no"
    private static let countKey = "split.count"
    private static let tensorsKey = "split.tensors.count"

    /// Validates a mapped file, and opens and joins the other parts where it is one of several, whichever it is.
    /// - Throws: `FormatError`: `.missing` names the parts that are not there; parts in each other's place, of another model, or with
    ///   tensors twice are `.invalid` or `.duplicate`.
    public init(joining file: MappedFile) throws(FormatError) {
        let given = try GGUFFile(file: file)
        guard let count = try given.metadata.integer(Self.countKey), count > 1 else {
            self = given
            return
        }
        guard let name = SplitName(file.path), name.count == count else {
            throw given.wrong(
                Self.countKey, expected: "the number in the file's name, which ends in -0000N-of-0000M.gguf",
                got: "\(count)")
        }
        var files = [MappedFile]()
        var missing = [String]()
        for number in 1...count {
            let path = name.path(ofPart: number)
            if number == name.number {
                files.append(file)
            } else if FileKind.exists(path) {
                files.append(try MappedFile(path: path))
            } else {
                missing.append(FilePath.name(of: path))
            }
        }
        guard missing.isEmpty else {
            let shown = missing.prefix(3).joined(separator: ", ")
            throw .missing(
                file: file.path,
                reason: "\(missing.count) of the \(count) parts of the model are not beside it: "
                    + shown + (missing.count > 3 ? ", …" : ""))
        }
        self = try Self.join(files)
    }

    private static func join(_ files: [MappedFile]) throws(FormatError) -> GGUFFile {
        var joined = try GGUFFile(file: files[0])
        try joined.requirePlace(0, of: files.count)
        let declared = try joined.metadata.size(tensorsKey)
        joined.parts = files
        for (number, file) in files.enumerated().dropFirst() {
            let part = try GGUFFile(file: file)
            try part.requirePlace(number, of: files.count)
            guard try part.metadata.size(tensorsKey) == declared else {
                throw part.wrong(
                    tensorsKey, expected: "\(declared), as in the first part", got: "another number")
            }
            for var tensor in part.allTensors {
                tensor.part = number
                guard joined.index.updateValue(joined.allTensors.count, forKey: ByteSlice(tensor.name)) == nil
                else {
                    throw .duplicate(
                        file: file.path, what: "tensor, which another part has too,", name: tensor.name,
                        offset: nil)
                }
                joined.allTensors.append(tensor)
            }
            joined.warnings += part.warnings.map { "\(FilePath.name(of: file.path)): \($0)" }
        }
        guard joined.allTensors.count == declared else {
            throw joined.wrong(
                tensorsKey, expected: "\(joined.allTensors.count), the tensors of all parts",
                got: "\(declared)")
        }
        joined.tensors = joined.allTensors.compactMap { view($0, files[$0.part]) }
        joined.unsupportedTensors = unsupported(joined.allTensors)
        return joined
    }

    /// Checks that a part is the one that its name says.
    private func requirePlace(_ number: Int, of count: Int) throws(FormatError) {
        let own = try metadata.size(Self.numberKey)
        guard own == number else {
            throw wrong(Self.numberKey, expected: "\(number), as its name says", got: "\(own)")
        }
        let all = try metadata.size(Self.countKey)
        guard all == count else {
            throw wrong(Self.countKey, expected: "\(count), as its name says", got: "\(all)")
        }
    }

    private func wrong(_ key: String, expected: String, got: String) -> FormatError {
        .invalid(
            file: path, field: key, expected: expected, got: got,
            offset: metadata.entries.first { $0.key == key }?.offset)
    }
}
