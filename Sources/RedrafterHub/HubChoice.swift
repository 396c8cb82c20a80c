import RedrafterFormats

/// Which files of a repository make the model that a user means.
struct HubChoice {
    var files: [HubFile]
    /// The path that is opened; empty for the folder itself.
    var entry: String
    /// What was taken: a quantisation, `safetensors`, or a path.
    var label: String
    /// What could have been taken instead.
    var others: [String]

    /// What a folder of safetensors is called.
    static let folderLabel = "safetensors"

    /// Whether everything is there that a program needs; of a folder other programs may have fetched a part.
    var isUsable: Bool {
        label != Self.folderLabel
            || files.contains { $0.name == "config.json" }
                && files.contains { $0.name.hasPrefix("tokenizer.") }
    }

    /// - Throws: `HubError.noChoice` that names what there is.
    init(_ reference: HubReference, among listing: HubListing) throws(HubError) {
        switch reference.selection {
        case .any: try self.init(reference, in: "", listing.files)
        case .quantization(let name): try self.init(reference, quantization: name, listing.files)
        case .file(let path): try self.init(reference, path: path, listing.files)
        }
    }

    private init(files: [HubFile], entry: String, label: String, others: [String] = []) {
        self.files = files
        self.entry = entry
        self.label = label
        self.others = others
    }

    private init(_ group: GGUFGroup, others: [String], of reference: HubReference) throws(HubError) {
        guard group.isComplete else {
            throw .noChoice(
                model: reference.repository, asked: "complete \(group.label): parts are missing",
                available: group.files.map(\.path))
        }
        self.init(files: group.files, entry: group.entry, label: group.label, others: others)
    }

    // MARK: Without a wish

    private init(_ reference: HubReference, in folder: String, _ files: [HubFile]) throws(HubError) {
        let groups = GGUFGroup.groups(in: files)
        guard !groups.isEmpty else {
            try self.init(reference, safetensorsIn: folder, files)
            return
        }
        guard let best = groups.filter({ $0.rank != nil && $0.isComplete }).min(by: GGUFGroup.isBetter) else {
            let isCut = groups.contains { $0.rank != nil }
            throw .noChoice(
                model: reference.repository,
                asked: isCut
                    ? "complete GGUF model: parts of each are missing"
                    : "GGUF file of a type that this program computes with; name one to fetch it all the same",
                available: groups.map(\.label))
        }
        let others = groups.filter { $0.entry != best.entry }.map(\.label)
        try self.init(best, others: others.removingRepetitions(), of: reference)
    }

    private init(
        _ reference: HubReference, safetensorsIn folder: String, _ files: [HubFile]
    ) throws(HubError) {
        let start = folder.isEmpty ? "" : folder + "/"
        let direct = files.filter { $0.path == start + $0.name }
        let weights = Self.safetensors(direct)
        guard !weights.isEmpty else {
            let names = files.filter { Self.isForeign($0.name) }.map(\.path)
            throw .noChoice(
                model: reference.repository,
                asked: folder.isEmpty
                    ? "model in GGUF or safetensors" : "model in GGUF or safetensors in \(folder)",
                available: Array(names.prefix(3)))
        }
        let splits = weights.compactMap { SplitName($0.path) }
        if let split = splits.first, splits.count != split.count {
            throw .noChoice(
                model: reference.repository,
                asked: "complete set of safetensors: it has \(splits.count) of \(split.count) files",
                available: [])
        }
        self.init(
            files: direct.filter { Self.belongsToFolder($0.name) } + weights, entry: folder,
            label: Self.folderLabel)
    }

    /// The weights that a folder's loader takes: the one file, or the shards; copies in other layouts are left out.
    static func safetensors(_ files: [HubFile]) -> [HubFile] {
        if let single = files.first(where: { $0.name == SafetensorsModel.singleName }) { return [single] }
        let all = files.filter { $0.name.hasSuffix(".safetensors") }
        let shards = all.filter { SplitName($0.name)?.prefix == "model" }
        return shards.isEmpty ? all : shards
    }

    /// The small files that say how the weights are used.
    static func belongsToFolder(_ name: String) -> Bool {
        [
            "config.json", "generation_config.json", "special_tokens_map.json", "added_tokens.json",
            "vocab.json",
            "merges.txt", SafetensorsModel.indexName,
        ].contains(name) || name.hasPrefix("chat_template") || name.hasPrefix("tokenizer")
    }

    private static func isForeign(_ name: String) -> Bool {
        [".bin", ".pt", ".pth", ".onnx", ".msgpack", ".h5", ".npz", ".gguf", ".tflite"].contains {
            name.hasSuffix($0)
        }
    }

    // MARK: By name

    private init(
        _ reference: HubReference, quantization name: String, _ files: [HubFile]
    ) throws(HubError) {
        let groups = GGUFGroup.groups(in: files)
        let labels = groups.map(\.label).removingRepetitions()
        let named = groups.filter { $0.isNamed(name) }
        guard let best = named.min(by: GGUFGroup.isBetter) else {
            throw .noChoice(
                model: reference.repository,
                asked: groups.isEmpty ? "GGUF file, so no quantisation \(name)" : "quantisation \(name)",
                available: labels)
        }
        let others = named.count > 1 ? named.map(\.entry).filter { $0 != best.entry } : []
        try self.init(best, others: others, of: reference)
    }

    private init(_ reference: HubReference, path: String, _ files: [HubFile]) throws(HubError) {
        if let file = files.first(where: { $0.path.utf8.elementsEqual(path.utf8) }) {
            if let group = GGUFGroup.groups(in: files).first(where: { $0.files.contains(file) }),
                group.files.count > 1
            {
                try self.init(group, others: [], of: reference)
                return
            }
            let folder = String(path.dropLast(file.name.count))
            let isWeights = path.hasSuffix(".safetensors")
            let beside = files.filter { $0.path == folder + $0.name && Self.belongsToFolder($0.name) }
            self.init(files: (isWeights ? beside : []) + [file], entry: path, label: path)
            return
        }
        let inside = files.filter { $0.path.hasPrefix(path + "/") }
        guard !inside.isEmpty else {
            let names = GGUFGroup.groups(in: files).map(\.entry)
            throw .noChoice(
                model: reference.repository, asked: "file \(path)",
                available: names.isEmpty ? files.map(\.path) : names)
        }
        try self.init(reference, in: path, inside)
    }
}

extension GGUFGroup {
    /// Its place among the preferred ones; names that tell nothing come after Q8_0. Nil for types that cannot be computed with.
    fileprivate var rank: Int? {
        guard let quantization else { return 3 }
        return QuantizationName.preferred.firstIndex(of: quantization).map { $0 < 3 ? $0 : $0 + 1 }
    }

    /// The better type; among equals the plainer name.
    fileprivate static func isBetter(_ a: GGUFGroup, _ b: GGUFGroup) -> Bool {
        let (first, second) = (a.rank ?? .max, b.rank ?? .max)
        if first != second { return first < second }
        if a.isMarked != b.isMarked { return b.isMarked }
        return (a.entry.utf8.count, a.entry) < (b.entry.utf8.count, b.entry)
    }

    private var isMarked: Bool { label != quantization }
}

extension [String] {
    /// The elements in order, each once.
    func removingRepetitions() -> [String] {
        var seen = Set<String>()
        return filter { seen.insert($0).inserted }
    }
}
