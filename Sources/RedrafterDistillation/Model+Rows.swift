import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterModels

extension Model {
    /// The embedding table as floats. `[vocabulary, hidden]`
    func embeddingRows() throws(RedrafterError) -> [Float] { try rows(of: .embedding) }

    /// Rows of the LM head as floats. `[vocabulary, hidden]`
    func headRows() throws(RedrafterError) -> [Float] {
        try rows(of: configuration.tiedEmbeddings ? .embedding : .head)
    }

    /// Reads a matrix from the model's file once more: the backend holds it in a layout of its own.
    private func rows(of role: WeightRole) throws(RedrafterError) -> [Float] {
        let source: ModelSource
        do throws(FormatError) { source = try ModelSource(path: path) } catch { throw .format(error) }
        let tensors: ModelTensors
        do throws(ModelError) {
            switch source {
            case .gguf(let file): tensors = try ModelTensors(configuration, in: file)
            case .huggingFace(let files):
                tensors = try ModelTensors(
                    configuration, inHuggingFace: files, configurationPath: files.directory + "/config.json")
            }
        } catch {
            throw .model(error)
        }
        guard let view = tensors[role] else { preconditionFailure("the model was loaded with \(role)") }
        return [Float](unsafeUninitializedCapacity: view.shape.reduce(1, *)) { buffer, count in
            count = view.shape.reduce(1, *)
            Quantization.dequantize(
                type: view.type, bytes: view.bytes,
                into: UnsafeMutableBufferPointer(rebasing: buffer[0..<count]))
        }
    }
}
