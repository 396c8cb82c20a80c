import RedrafterCore

/// How a file names the tensors of a drafter.
public enum DrafterLayout: String, Sendable, Hashable, CaseIterable {
    /// The reference implementation of ReDrafter: `rnn_u.*`, `rnn_w.weight`, `input_proj.*`, `lm_head.{i}.linear.*`,
    /// `lm_head.{n}.weight`.
    case apple
    /// The spellings that TensorRT-LLM's converter takes besides: `input_projs.*`, `lm_heads.{i}.linear.*` or
    /// `0.{i}.linear.*`. Written with the first two.
    case tensorRT = "tensorrt-llm"
    /// The reference implementation of Medusa: `{k}.{j}.linear.*`, `{k}.{n}.weight`.
    case medusa
    /// vLLM's Medusa: `blocks.{k}.layers.{j}.*`, `lm_heads.{k}.weight`, and a `token_map` for a draft vocabulary.
    case vllm
    /// This project's: canonical names in a GGUF file, quantised where wanted.
    case gguf

    /// The layout in safetensors that a kind of drafter is usually exchanged in.
    public init(reference kind: DrafterKind) { self = kind == .recurrent ? .apple : .medusa }

    /// Whether a drafter of this kind can be written so.
    public func holds(_ kind: DrafterKind) -> Bool {
        switch self {
        case .apple, .tensorRT: kind == .recurrent
        case .medusa, .vllm: kind == .medusa
        case .gguf: true
        }
    }

    /// The name of a tensor in a file of this layout.
    func name(of role: DrafterRole, _ configuration: DrafterConfiguration) -> String {
        let canonical = role.canonicalName(kind: configuration.kind, layers: configuration.layers)
        switch (self, role) {
        case (.tensorRT, .inputProjection): return "input_projs.weight"
        case (.tensorRT, .inputProjectionBias): return "input_projs.bias"
        case (.tensorRT, .block(_, let layer)): return "lm_heads.\(layer).linear.weight"
        case (.tensorRT, .blockBias(_, let layer)): return "lm_heads.\(layer).linear.bias"
        case (.tensorRT, .output): return "lm_heads.\(configuration.layers).weight"
        case (.vllm, .block(let head, let layer)): return "blocks.\(head).layers.\(layer).weight"
        case (.vllm, .blockBias(let head, let layer)): return "blocks.\(head).layers.\(layer).bias"
        case (.vllm, .output(let head)): return "lm_heads.\(head).weight"
        default: return canonical
        }
    }

    /// A role, and where the name of an LM head ends in its place among the blocks, that place.
    struct Found {
        var role: DrafterRole
        var outputIndex: Int?
    }

    /// What a name of this layout (a safetensors layout) stands for; nil for other names.
    func role(ofName name: String) -> Found? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        switch self {
        case .apple: return Self.recurrent(parts, heads: ["lm_head"], projections: ["input_proj"])
        case .tensorRT:
            return Self.recurrent(
                parts, heads: ["lm_head", "lm_heads", "0"], projections: ["input_proj", "input_projs"])
        case .medusa: return Self.medusa(parts)
        case .vllm: return Self.vllm(parts)
        case .gguf: return nil
        }
    }

    private static func recurrent(_ parts: [Substring], heads: [Substring], projections: [Substring])
        -> Found?
    {
        guard let first = parts.first, let last = parts.last else { return nil }
        let isBias = last == "bias"
        guard isBias || last == "weight" else { return nil }
        switch parts.count {
        case 2 where first == "rnn_u": return Found(role: isBias ? .stateBias : .state)
        case 2 where first == "rnn_w" && !isBias: return Found(role: .token)
        case 2 where projections.contains(first):
            return Found(role: isBias ? .inputProjectionBias : .inputProjection)
        case 3, 4:
            guard heads.contains(first), let index = number(parts[1]) else { return nil }
            return sequence(index, parts, head: 0, isBias: isBias)
        default: return nil
        }
    }

    private static func medusa(_ parts: [Substring]) -> Found? {
        guard parts.count == 3 || parts.count == 4, let head = number(parts[0]), let index = number(parts[1]),
            let last = parts.last, last == "weight" || last == "bias"
        else { return nil }
        return sequence(index, parts, head: head, isBias: last == "bias")
    }

    /// `…{i}.linear.weight`, `…{i}.linear.bias` and `…{n}.weight`.
    private static func sequence(_ index: Int, _ parts: [Substring], head: Int, isBias: Bool) -> Found? {
        if parts.count == 3 {
            return isBias ? nil : Found(role: .output(head: head), outputIndex: index)
        }
        guard parts[2] == "linear" else { return nil }
        return Found(
            role: isBias ? .blockBias(head: head, layer: index) : .block(head: head, layer: index))
    }

    private static func vllm(_ parts: [Substring]) -> Found? {
        if parts.count == 5, parts[0] == "blocks", parts[2] == "layers", let head = number(parts[1]),
            let layer = number(parts[3])
        {
            switch parts[4] {
            case "weight": return Found(role: .block(head: head, layer: layer))
            case "bias": return Found(role: .blockBias(head: head, layer: layer))
            default: return nil
            }
        }
        guard parts.count == 3, parts[0] == "lm_heads", parts[2] == "weight", let head = number(parts[1])
        else {
            return nil
        }
        return Found(role: .output(head: head))
    }

    /// A decimal number without sign and leading zeros, as indices are written; at most 4 digits.
    private static func number(_ text: Substring) -> Int? {
        guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }),
            text == "0" || text.first != "0"
        else { return nil }
        return Int(text)
    }
}
