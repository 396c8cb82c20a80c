import Redrafter
import RedrafterCore
import RedrafterTesting

@testable import RedrafterModels

/// A toy transformer with a tokenizer whose token `n` is spelled `texts[n]`.
func toyModel(
    texts: [[UInt8]] = (0..<64).map { Array("<\($0)>".utf8) }, endOfGeneration: Set<Int32> = [],
    contextLength: Int = 96,
    prefillChunk: Int = 512, backend: any ComputeBackend = ReferenceBackend(), registry: Registry = .standard
) throws -> Model {
    var definition = TokenizerDefinition(
        file: "toy", model: .byteLevelBPE, tokens: ByteStrings(texts),
        kinds: texts.indices.map { endOfGeneration.contains(Int32($0)) ? .control : .normal }, scores: [],
        merges: [])
    definition.endOfGeneration = endOfGeneration
    let toy = ToyTransformer(vocabularySize: texts.count, contextLength: contextLength)
    return Model(
        path: "toy", tokenizer: Tokenizer(definition), transformer: try toy.transformer(on: backend),
        prefillChunk: prefillChunk, registry: registry)
}
