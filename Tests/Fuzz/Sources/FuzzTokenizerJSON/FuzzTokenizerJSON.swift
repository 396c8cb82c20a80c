import RedrafterFormats
import RedrafterModels
import RedrafterTesting

/// Reads the input as `tokenizer.json`; a tokenizer that comes of it encodes and decodes within its vocabulary.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTokenizerJSON(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: data, count: count)
    guard let json = try? JSONValue(parsing: bytes, path: "tokenizer.json") else { return 0 }
    do throws(TokenizerError) {
        let tokenizer = Tokenizer(
            try TokenizerDefinition(tokenizer: json, configuration: nil, file: "tokenizer.json"))
        let tokens = tokenizer.encode("a'S 12 é中\n ▁<s>", parseSpecial: true)
        precondition(tokens.allSatisfy { $0 >= 0 && $0 < tokenizer.tokenCount })
        precondition(tokenizer.decode(tokens).count < 1 << 20)
    } catch {
        precondition(error.isOfContent && !error.description.utf8.contains { $0 < 0x20 })
    }
    return 0
}
