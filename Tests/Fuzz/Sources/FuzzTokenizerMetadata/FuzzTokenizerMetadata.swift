import RedrafterFormats
import RedrafterModels
import RedrafterTesting

/// Reads the input as GGUF with the metadata of a tokenizer and of a model.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTokenizerMetadata(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: data, count: count)
    guard let mapped = try? MappedFile(copying: bytes, path: "fuzz.gguf"),
        let file = try? GGUFFile(file: mapped)
    else { return 0 }
    do throws(TokenizerError) {
        let tokenizer = Tokenizer(try TokenizerDefinition(file))
        let tokens = tokenizer.encode("a'S 12 é中\n ▁<s>", parseSpecial: true)
        precondition(tokens.allSatisfy { $0 >= 0 && $0 < tokenizer.tokenCount })
    } catch {
        precondition(error.isOfContent && !error.description.utf8.contains { $0 < 0x20 })
    }
    do throws(ModelError) {
        let configuration = try ModelConfiguration(file)
        precondition(configuration.layers > 0 && configuration.heads > 0)
    } catch {
        precondition(error.isOfContent && !error.description.utf8.contains { $0 < 0x20 })
    }
    return 0
}
