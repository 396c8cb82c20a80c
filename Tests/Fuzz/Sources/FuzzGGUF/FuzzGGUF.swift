import RedrafterFormats
import RedrafterTesting

/// Opens the input as a GGUF file and reads everything in it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzGGUF(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: data, count: count)
    do throws(FormatError) {
        let file = try GGUFFile(file: MappedFile(copying: bytes, path: "fuzz.gguf"))
        var sum = 0
        for tensor in file.tensors { sum &+= Int(tensor.bytes.first ?? 0) &+ Int(tensor.bytes.last ?? 0) }
        for entry in file.metadata.entries {
            guard case .array(let array) = entry.value else { continue }
            for index in 0..<array.count { sum &+= array[index].integer ?? 1 }
        }
        let summary = FileSummary(file)
        sum &+=
            summary.text(listsTensors: true).utf8.count &+ summary.json(listsTensors: true).encoded().count
        precondition(sum != .min)
    } catch {
        precondition(error.isOfContent && !error.description.utf8.contains { $0 < 0x20 })
    }
    return 0
}
