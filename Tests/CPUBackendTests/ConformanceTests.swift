import CPUBackend
import RedrafterTesting
import Testing

@Suite struct ConformanceTests {
    @Test("Every kernel set keeps the contract of a backend", arguments: CPUBackend.availableKernels)
    func conforms(kernels: String) throws {
        let backend = try CPUBackend(options: .init(threads: 2, kernels: kernels))
        #expect(try checkComputeBackend(backend) == [])
    }
}
