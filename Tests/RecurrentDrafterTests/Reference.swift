import BundledDrafters
import RedrafterCore
import RedrafterFormats

/// The values of Fixtures/, computed with the paper's reference implementation (see Fixtures/README.md).
struct ReferenceCase {
    let name: String
    let weights: DrafterWeights
    /// `[V, H]`
    let embeddings: [Float]
    let vocabularySize: Int
    let hiddenSize: Int
    /// Hidden state of each case. `[B][H]`
    let states: [[Float]]
    let roots: [Int32]
    /// `[B][width][length]`, the root first.
    let beams: [[[Int32]]]
    /// `[B][width][length − 1][V]`
    let logProbabilities: [[[[Float]]]]

    static let directory: String = {
        let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        return "/\(folder)/Fixtures"
    }()

    init(_ name: String) throws {
        self.name = name
        let config = try JSONValue(path: "\(Self.directory)/\(name).config.json")
        let file = try MappedFile(path: "\(Self.directory)/\(name).drafter.safetensors")
        weights = try DrafterWeights(file: file, configuration: config)
        let io = try SafetensorsFile(path: "\(Self.directory)/\(name).io.safetensors")
        func floats(_ tensor: String) throws -> (shape: [Int], values: [Float]) {
            guard let info = io.allTensors.first(where: { $0.name == tensor }) else { throw Missing() }
            let values = io.file.bytes[info.offset..<info.offset + info.byteCount]
            return (
                info.shape,
                stride(from: values.startIndex, to: values.endIndex, by: 4).map {
                    io.file.bytes.loadUnaligned(fromByteOffset: $0, as: Float.self)
                }
            )
        }
        func integers(_ tensor: String) throws -> (shape: [Int], values: [Int32]) {
            guard let info = io.allTensors.first(where: { $0.name == tensor }) else { throw Missing() }
            return (
                info.shape,
                stride(from: info.offset, to: info.offset + info.byteCount, by: 8).map {
                    Int32(io.file.bytes.loadUnaligned(fromByteOffset: $0, as: Int64.self))
                }
            )
        }
        let table = try floats("embeddings")
        (embeddings, vocabularySize, hiddenSize) = (table.values, table.shape[0], table.shape[1])
        let states = try floats("prompt_state")
        self.states = Self.rows(states.values, states.shape[1])
        roots = try integers("init_token").values
        let beams = try integers("beams")
        self.beams = Self.rows(Self.rows(beams.values, beams.shape[2]), beams.shape[1])
        let logs = try floats("log_probs")
        logProbabilities = Self.rows(
            Self.rows(Self.rows(logs.values, logs.shape[3]), logs.shape[2]), logs.shape[1])
    }

    struct Missing: Error {}

    private static func rows<T>(_ values: [T], _ count: Int) -> [[T]] {
        stride(from: 0, to: values.count, by: count).map { Array(values[$0..<$0 + count]) }
    }

    func target(on backend: any ComputeBackend) -> DraftTarget {
        DraftTarget(
            fingerprint: ModelFingerprint(
                tokenizer: "0", vocabularySize: vocabularySize, hiddenSize: hiddenSize, layers: 1, heads: 1,
                keyValueHeads: 1, feedForwardSize: 1),
            tokenCount: vocabularySize, contextLength: 64, backend: backend)
    }

    func embedding(on backend: any ComputeBackend) throws -> any WeightHandle {
        var result: (any WeightHandle)?
        try embeddings.withUnsafeBytes { bytes in
            result = try backend.makeWeight(
                type: .f32, rows: vocabularySize, columns: hiddenSize, bytes: bytes)
        }
        guard let result else { throw Missing() }
        return result
    }
}
