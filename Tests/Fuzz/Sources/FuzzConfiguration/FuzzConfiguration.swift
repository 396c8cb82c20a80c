import RedrafterFormats
import RedrafterModels
import RedrafterTesting

/// Reads the input as `config.json`; what is accepted keeps to the engine's limits.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzConfiguration(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: data, count: count)
    guard let json = try? JSONValue(parsing: bytes, path: "config.json") else { return 0 }
    do throws(ModelError) {
        let configuration = try ModelConfiguration(huggingFace: json, path: "config.json")
        precondition(configuration.heads > 0 && configuration.heads % configuration.keyValueHeads == 0)
        precondition(configuration.normEpsilon > 0 && configuration.vocabularySize > 0)
        precondition(configuration.weightRoles.count > 0)
    } catch {
        precondition(error.isOfContent && !error.description.utf8.contains { $0 < 0x20 })
    }
    return 0
}
