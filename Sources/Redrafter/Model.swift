import RedrafterCore
import RedrafterModels

/// How a model is loaded.
public struct ModelOptions: Sendable {
    /// Tokens a sequence can hold; nil for what the model was trained for, but at most `contextLengthLimit`; 0 for all of it.
    public var contextLength: Int?
    /// Context of a model that was trained for more and is loaded without a wish.
    public var contextLengthLimit = 4096
    /// Backend by name, as registered.
    public var backend = "cpu"
    public var backendOptions = BackendOptions()
    /// Rows of a prefill pass; the text does not depend on it.
    public var prefillChunk = PassRunner.defaultPrefillChunk
    public var registry = Registry.standard
    /// The chat template and what it is told; the model's own unless another is named.
    public var chatTemplate = ChatTemplateOptions()

    public init(
        contextLength: Int? = nil, threads: Int? = nil, backend: String = "cpu", kernels: String? = nil
    ) {
        self.contextLength = contextLength
        self.backend = backend
        backendOptions = BackendOptions(threads: threads, kernels: kernels)
    }

    /// - Throws: `ParameterError.outOfRange`.
    public func validate() throws(ParameterError) {
        if let contextLength, !(0...Self.maximumContextLength).contains(contextLength) {
            throw .outOfRange(
                name: "ctx-size", got: "\(contextLength)",
                allowed: "0 (the model's) to \(Self.maximumContextLength)")
        }
        if let threads = backendOptions.threads, !(1...Self.maximumThreads).contains(threads) {
            throw .outOfRange(name: "threads", got: "\(threads)", allowed: "1 to \(Self.maximumThreads)")
        }
        if !(1...Self.maximumPrefillChunk).contains(prefillChunk) {
            throw .outOfRange(
                name: "prefill chunk", got: "\(prefillChunk)", allowed: "1 to \(Self.maximumPrefillChunk)")
        }
    }

    private static let maximumContextLength = 1 << 24
    private static let maximumThreads = 512
    private static let maximumPrefillChunk = 4096
}

/// A language model ready to run: configuration, tokenizer and weights on a backend. Immutable; what changes while text is
/// generated lies in a `TextGenerator`.
public final class Model: Sendable {
    /// The file or directory it was loaded from.
    public let path: String
    public let configuration: ModelConfiguration
    public let tokenizer: Tokenizer
    public let transformer: Transformer
    /// Rows of a prefill pass.
    public let prefillChunk: Int
    /// From opening the file to the last weight.
    public let loadDuration: Duration
    /// What is odd about the files or the options but does no harm; for stderr.
    public let warnings: [String]
    /// The plug-ins it was loaded with.
    public let registry: Registry
    /// Parsed when the model is loaded. A model whose template cannot be read still continues plain text.
    let parsedChatTemplate: Result<ChatTemplate, ChatTemplateError>

    public init(
        path: String, tokenizer: Tokenizer, transformer: Transformer,
        prefillChunk: Int = PassRunner.defaultPrefillChunk,
        loadDuration: Duration = .zero, warnings: [String] = [], registry: Registry = .standard,
        chatTemplate: ChatTemplateOptions = ChatTemplateOptions()
    ) {
        do { parsedChatTemplate = .success(try tokenizer.chatTemplate(chatTemplate)) } catch {
            parsedChatTemplate = .failure(error)
        }
        self.path = path
        self.tokenizer = tokenizer
        self.transformer = transformer
        self.prefillChunk = prefillChunk
        self.loadDuration = loadDuration
        self.warnings = warnings
        self.registry = registry
        configuration = transformer.configuration
    }

    /// Tokens a sequence can hold.
    public var contextLength: Int { transformer.contextLength }

    /// What runs it.
    public var backend: BackendDescription { transformer.backend.description }

    /// Ids that may be generated: those of the tokenizer that the head has rows for.
    public var tokenCount: Int { min(tokenizer.tokenCount, configuration.vocabularySize) }

    /// What a drafter is made for.
    public var draftTarget: DraftTarget {
        DraftTarget(
            fingerprint: fingerprint, tokenCount: tokenCount, contextLength: contextLength,
            backend: transformer.backend)
    }

    /// The numbers and the tokenizer that tell this model, in whatever quantisation, from others.
    public var fingerprint: ModelFingerprint { ModelFingerprint(configuration, tokenizer) }
}

extension ModelFingerprint {
    init(_ configuration: ModelConfiguration, _ tokenizer: Tokenizer) {
        self.init(
            tokenizer: tokenizer.fingerprint, vocabularySize: configuration.vocabularySize,
            hiddenSize: configuration.hiddenSize, layers: configuration.layers, heads: configuration.heads,
            keyValueHeads: configuration.keyValueHeads, feedForwardSize: configuration.feedForwardSize)
    }
}
