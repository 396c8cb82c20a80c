import RedrafterFormats

/// A model in GGUF as a repository names it: one file, or all parts of one.
struct GGUFGroup {
    /// Part after part.
    var files: [HubFile]
    /// `Q4_K_M`; nil where the name tells none.
    var quantization: String?
    /// The same with what else the name says of it, such as `UD-Q4_K_XL`.
    var label: String

    /// The file that is opened.
    var entry: String { files[0].path }

    /// Whether no part is missing.
    var isComplete: Bool {
        guard let split = SplitName(entry) else { return true }
        return files.count == split.count
            && files.enumerated().allSatisfy { SplitName($1.path)?.number == $0 + 1 }
    }

    /// The models among the files of a repository, in order of their paths. What lies beside models (projections of images,
    /// importance matrices, bare vocabularies) is left out.
    static func groups(in files: [HubFile]) -> [GGUFGroup] {
        var parts = [String: [HubFile]]()
        for file in files where file.path.lowercased().hasSuffix(".gguf") {
            let name = file.name.lowercased()
            guard !name.contains("mmproj"), !name.contains("imatrix"), !name.hasPrefix("ggml-vocab") else {
                continue
            }
            let split = SplitName(file.path)
            parts[split.map { "\($0.prefix)\u{0}\($0.count)" } ?? file.path, default: []].append(file)
        }
        return parts.values.map { files in
            let files = files.sorted { $0.path < $1.path }
            let (quantization, label) = QuantizationName.find(in: files[0].path)
            return GGUFGroup(files: files, quantization: quantization, label: label ?? files[0].path)
        }
        .sorted { $0.entry < $1.entry }
    }

    /// Whether this is what a user calls `name`.
    func isNamed(_ name: String) -> Bool {
        let name = name.uppercased()
        return quantization == name || label.uppercased() == name
    }
}

/// Names of quantisations in names of files.
enum QuantizationName {
    /// What is taken without a wish, the best first: types that this project computes with.
    static let preferred = [
        "Q4_K_M", "Q4_0", "Q8_0", "Q4_K_S", "Q5_K_M", "Q5_K_S", "Q6_K", "Q4_1", "Q5_0", "Q5_1", "Q4_K_L",
        "Q5_K_L",
        "Q6_K_L", "Q4_K_XL", "Q5_K_XL", "Q6_K_XL", "Q8_K_XL", "BF16", "F16", "F32",
    ]

    /// The last name of a quantisation in a path, in capital letters, and the same with a mark before it.
    static func find(in path: String) -> (quantization: String?, label: String?) {
        let stem = SplitName(path).map(\.prefix) ?? String(path.dropLast(".gguf".count))
        let words = stem.uppercased().split { "-./ ".contains($0) }.map(String.init)
        for (index, word) in words.enumerated().reversed() {
            guard let name = ending(of: word) else { continue }
            let isMarked = index > 0 && words[index - 1] == "UD"
            return (name, isMarked ? "UD-\(name)" : name)
        }
        return (nil, nil)
    }

    /// The longest ending of a word, behind an underscore or the whole, that is such a name.
    private static func ending(of word: String) -> String? {
        let parts = word.split(separator: "_", omittingEmptySubsequences: false)
        for index in parts.indices {
            let name = parts[index...].joined(separator: "_")
            if isName(name) { return ["FP16": "F16", "FP32": "F32"][name] ?? name }
        }
        return nil
    }

    private static func isName(_ text: String) -> Bool {
        if ["F16", "F32", "BF16", "FP16", "FP32", "MXFP4", "MXFP4_MOE", "NVFP4", "TQ1_0", "TQ2_0"].contains(
            text)
        {
            return true
        }
        let parts = text.split(separator: "_", omittingEmptySubsequences: false)
        let head = Array(parts[0].utf8)
        let digit = head.starts(with: "IQ".utf8) ? 2 : head.starts(with: "Q".utf8) ? 1 : head.count
        guard head.count == digit + 1, (0x31...0x39).contains(head[digit]), parts.count <= 4 else {
            return false
        }
        return parts.dropFirst().allSatisfy { part in
            (1...4).contains(part.utf8.count)
                && part.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) }
        }
    }
}
