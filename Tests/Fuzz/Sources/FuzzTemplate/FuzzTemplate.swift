import RedrafterFormats
import RedrafterTemplates

private let messages = JSONValue.array([
    .object(["role": .string("system"), "content": .string("s")]),
    .object(["role": .string("user"), "content": .string("a<s>\n\u{e9}")]),
])

/// Reads the input as a chat template and runs it; what is read keeps to the limits.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTemplate(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let source = String(decoding: UnsafeBufferPointer(start: data, count: count), as: UTF8.self)
    var limits = TemplateLimits()
    limits.steps = 200_000
    limits.memoryBytes = 16 << 20
    limits.inputFactor = 0
    do throws(TemplateError) {
        let template = try Template(source, name: "fuzz", limits: limits)
        let parts = try template.render([Template.Variable("messages", messages, isInput: true)])
        precondition(parts.allSatisfy { !$0.text.isEmpty })
    } catch {
        precondition(!error.description.utf8.contains { $0 < 0x20 })
    }
    return 0
}
