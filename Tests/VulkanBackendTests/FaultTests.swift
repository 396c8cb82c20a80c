import CVulkan
import RedrafterCore
import RedrafterTesting
import Testing

@testable import VulkanBackend

@Suite("What can go wrong with a device", .enabled(if: hasDevice, needsDevice), .serialized)
struct FaultTests {
    private func options(_ call: UInt64, _ result: VkResult, masked: Set<VulkanFeature> = [])
        -> VulkanBackend.Options
    {
        VulkanBackendTests.options(
            VulkanMask(features: masked), injection: FaultInjection(call: call, result: result.rawValue))
    }

    /// A backend, a weight, a product and a second product; and the calls that took.
    private func run(_ options: VulkanBackend.Options) throws -> (product: [Float], calls: UInt64) {
        let backend = try ownDevice(options)
        _ = try backend.product(.q4_1, rows: 2, columns: 64, outputs: 40)
        let product = try backend.product(.q4_1, rows: 2, columns: 64, outputs: 40)
        return (product, backend.device.open.callCount)
    }

    @Test(
        "A failure of any call is an error of the backend, and a backend made afterwards works",
        arguments: [
            VK_ERROR_OUT_OF_DEVICE_MEMORY, VK_ERROR_DEVICE_LOST, VK_TIMEOUT, VK_ERROR_INITIALIZATION_FAILED,
        ].map(\.rawValue), [[], [VulkanFeature.mapped]])
    func everyCall(result: Int32, masked: [VulkanFeature]) throws {
        let (expected, calls) = try run(options(0, VK_SUCCESS, masked: Set(masked)))
        var failures = 0
        // The first calls one by one, the many alike ones that follow in strides, and none after the last.
        for call in Array(UInt64(1)...24) + stride(from: 31, through: calls, by: Int(calls) / 20) + [
            calls + 1
        ] {
            do {
                let got = try run(options(call, VkResult(result), masked: Set(masked)))
                #expect(got.product == expected)
            } catch let error as BackendError {
                failures += 1
                switch error {
                case .outOfMemory, .deviceUnavailable: break
                default: Issue.record("call \(call): \(error)")
                }
            }
        }
        #expect(failures > 24)
        #expect(try run(options(0, VK_SUCCESS, masked: Set(masked))).product == expected)
    }

    @Test("A lost device says so, and goes on saying so")
    func lost() throws {
        var backend: VulkanBackend?
        // The first call after the start that submits.
        let calls = try callsToStart()
        for call in calls + 1...calls + 60 where backend == nil {
            let candidate = try ownDevice(options(call, VK_ERROR_DEVICE_LOST))
            do {
                _ = try candidate.product(.q4_1, rows: 2, columns: 64, outputs: 40)
            } catch let error as BackendError where "\(error)".contains("vkQueueSubmit") {
                #expect("\(error)".contains("the device was lost"))
                backend = candidate
            } catch {}
        }
        let error = #expect(throws: BackendError.self) {
            try #require(backend).product(.q4_1, rows: 2, columns: 64, outputs: 40)
        }
        #expect(caseName(of: error) == "deviceUnavailable")
    }

    /// Calls until a backend is ready.
    private func callsToStart() throws -> UInt64 {
        try ownDevice().device.open.callCount
    }

    @Test("A device that does not finish in time is given up")
    func timeout() throws {
        var options = VulkanBackendTests.options()
        options.timeout = .zero
        let error = #expect(throws: BackendError.self) { try VulkanBackend(options: options) }
        #expect("\(try #require(error))".contains("did not finish in time"))
        #expect(caseName(of: error) == "deviceUnavailable")
    }

    @Test("A device that multiplies wrongly is refused, with the reason")
    func poisoned() throws {
        var options = VulkanBackendTests.options()
        options.isPoisoned = true
        let error = #expect(throws: BackendError.self) { try vulkan(options) }
        #expect("\(try #require(error))".contains("a product of matrices is wrong at start"))
        #expect(caseName(of: error) == "deviceUnavailable")
    }

    @Test("A tensor, a weight and a model that are too large are errors before anything is allocated")
    func tooLarge() throws {
        let backend = try vulkan()
        #expect(throws: BackendError.self) { try backend.makeTensor(rows: 1 << 20, columns: 1 << 20) }
        #expect(throws: BackendError.self) { try backend.makeTensor(rows: .max, columns: 2) }
        #expect(throws: BackendError.self) {
            try backend.makeCache(
                CacheShape(layers: 1, keyValueHeads: 64, headDimension: 128, sequences: 64, capacity: 1 << 20)
            )
        }
        let error = #expect(throws: BackendError.self) {
            try backend.requireMemory(CheckedSize(1 << 50), for: "the model")
        }
        #expect(caseName(of: error) == "outOfMemory")
        #expect(throws: BackendError.self) { try backend.requireMemory(CheckedSize(-1), for: "the model") }
        #expect(
            throws: BackendError.unsupported(
                operation: "a weight of 2 × 64", type: "q4_1", reason: "3 bytes do not hold it")
        ) {
            try [UInt8](repeating: 0, count: 3).withUnsafeBytes {
                try backend.makeWeight(type: .q4_1, rows: 2, columns: 64, bytes: $0)
            }
        }
        // Nothing of that stays behind.
        #expect(try backend.product(.f16, rows: 1, columns: 32, outputs: 3).count == 99)
    }
}
