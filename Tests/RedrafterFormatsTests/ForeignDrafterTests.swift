import BundledDrafters
import RedrafterFormats
import RedrafterTesting
import Testing

@Suite("Drafters of kinds that are not built here") struct ForeignDrafterTests {
    @Test("An EAGLE head is named, with the kinds that there are", arguments: ["midlayer", "layers.0"])
    func eagle(layer: String) throws {
        let directory = TemporaryDirectory()
        var image = SafetensorsImage()
        for name in ["fc.weight", "\(layer).self_attn.q_proj.weight", "norm.weight"] {
            image.append(name, dtype: "F16", shape: [4, 4], data: [UInt8](repeating: 0, count: 32))
        }
        try ToyModelFile.write(image.bytes, to: directory.file("model.safetensors"))
        let error = #expect(throws: FormatError.self) { try DrafterWeights(path: directory.path) }
        #expect(error?.description.contains("an EAGLE head is not supported; supported: ") == true)
    }
}
