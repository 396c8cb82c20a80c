import RedrafterCore

/// What a tensor is for in a drafter.
public enum DrafterRole: Sendable, Hashable {
    /// `rnn_u.weight`: from the last state. `[hidden, hidden]`
    case state
    /// `rnn_u.bias`. `[hidden]`
    case stateBias
    /// `rnn_w.weight`: from the embedding of the last token. `[hidden, hidden]`
    case token
    /// `input_proj.weight`. `[exit, 2 hidden]`
    case inputProjection
    /// `input_proj.bias`. `[exit]`
    case inputProjectionBias
    /// The matrix of residual block `layer` of `head` (0 for a recurrent drafter). `[exit, exit]`
    case block(head: Int, layer: Int)
    /// Its bias. `[exit]`
    case blockBias(head: Int, layer: Int)
    /// The LM head of `head`. `[vocabulary, exit]`
    case output(head: Int)

    /// The name under which `DrafterWeights` holds it.
    /// - Parameters:
    ///   - kind: decides how heads are named.
    ///   - layers: residual blocks of the drafter.
    public func canonicalName(kind: DrafterKind, layers: Int) -> String {
        func head(_ index: Int) -> String { kind == .recurrent ? "lm_head" : "\(index)" }
        return switch self {
        case .state: "rnn_u.weight"
        case .stateBias: "rnn_u.bias"
        case .token: "rnn_w.weight"
        case .inputProjection: "input_proj.weight"
        case .inputProjectionBias: "input_proj.bias"
        case .block(let index, let layer): "\(head(index)).\(layer).linear.weight"
        case .blockBias(let index, let layer): "\(head(index)).\(layer).linear.bias"
        case .output(let index): "\(head(index)).\(layers).weight"
        }
    }

    /// The role of a canonical name; nil for other names.
    public init?(canonicalName name: String, kind: DrafterKind, layers: Int) {
        let layout: DrafterLayout = kind == .recurrent ? .apple : .medusa
        guard let found = layout.role(ofName: name),
            found.outputIndex == nil || found.outputIndex == layers,
            found.role.canonicalName(kind: kind, layers: layers) == name
        else { return nil }
        self = found.role
    }

    /// Whether it is a vector.
    public var isBias: Bool {
        switch self {
        case .stateBias, .inputProjectionBias, .blockBias: true
        case .state, .token, .inputProjection, .block, .output: false
        }
    }
}

extension DrafterConfiguration {
    /// The roles that a drafter of this configuration has, in the order its files are written.
    public var roles: [DrafterRole] {
        var roles = [DrafterRole]()
        if isRecurrent { roles += [.state, .stateBias, .token] }
        if hasInputProjection { roles += [.inputProjection, .inputProjectionBias] }
        for head in 0..<heads {
            for layer in 0..<layers {
                roles += [.block(head: head, layer: layer), .blockBias(head: head, layer: layer)]
            }
            roles.append(.output(head: head))
        }
        return roles
    }

    /// The shape of a tensor, slowest first. The configuration must have passed a check.
    public func shape(of role: DrafterRole) -> [Int] {
        switch role {
        case .state, .token: [hiddenSize, hiddenSize]
        case .stateBias: [hiddenSize]
        case .inputProjection: [exitDimension, 2 * hiddenSize]
        case .inputProjectionBias, .blockBias: [exitDimension]
        case .block: [exitDimension, exitDimension]
        case .output: [vocabularySize, exitDimension]
        }
    }
}
