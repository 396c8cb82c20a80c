import RedrafterFormats
import RedrafterTesting

/// Opens the input as a safetensors file; the tensors must cover its data exactly.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSafetensors(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: data, count: count)
    do throws(FormatError) {
        let file = try SafetensorsFile(file: MappedFile(copying: bytes, path: "fuzz.safetensors"))
        var end = file.allTensors.first?.offset ?? count
        for tensor in file.allTensors {
            precondition(tensor.offset == end)
            end += tensor.byteCount
        }
        precondition(end == count)
    } catch {
        precondition(error.isOfContent && !error.description.utf8.contains { $0 < 0x20 })
    }
    return 0
}
