import Redrafter
import RedrafterCore
import RedrafterTesting
import Testing

@Suite struct RegistryTests {
    @Test("A backend that does not exist is an error with the names there are")
    func unknownBackend() {
        #expect(
            throws: BackendError.unknownSelection(
                what: "backend", got: "abacus", available: ["cpu", "vulkan", "auto"])
        ) {
            try Registry.standard.makeBackend(named: "abacus")
        }
        var options = ModelOptions()
        options.backend = "abacus"
        let error = #expect(throws: RedrafterError.self) {
            try Model.load(path: "none.gguf", options: options)
        }
        #expect(caseName(of: error) == "backend.unknownSelection")
    }

    @Test("A registered backend is found, and a later one of the same name takes its place")
    func register() throws {
        var registry = Registry.standard
        registry.register(backend: "reference") { _ in ReferenceBackend() }
        registry.register(backend: "cpu") { _ in ReferenceBackend() }
        #expect(registry.backendNames == ["vulkan", "auto", "reference", "cpu"])
        #expect(try registry.makeBackend(named: "cpu").description.name == "reference")
    }

    @Test("Options out of range and missing files are refused, each as what it is")
    func options() {
        for options in [
            ModelOptions(contextLength: -5), ModelOptions(threads: 0),
            ModelOptions(threads: 1_000_000),
        ] {
            let error = #expect(throws: RedrafterError.self) {
                try Model.load(path: "none.gguf", options: options)
            }
            #expect(["parameter.outOfRange", "backend.unknownSelection"].contains(caseName(of: error)))
        }
        for path in ["/none/none.gguf", ""] {
            let error = #expect(throws: RedrafterError.self) { try Model.load(path: path) }
            #expect(caseName(of: error) == "format.missing")
        }
    }
}
