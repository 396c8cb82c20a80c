import RedrafterFormats
import RedrafterTesting

/// Parses the input; what parses must write and read back as the same text.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSON(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: data, count: count)
    do throws(FormatError) {
        let text = try JSONValue(parsing: bytes, path: "fuzz.json").encoded()
        let again = try JSONValue(parsing: text, path: "again.json").encoded(isPretty: true)
        let last = try JSONValue(parsing: again, path: "pretty.json").encoded()
        precondition(last == text)
    } catch {
        precondition(error.file == "fuzz.json", "written text did not parse: \(error)")
        precondition(error.isOfContent && !error.description.utf8.contains { $0 < 0x20 })
    }
    return 0
}
