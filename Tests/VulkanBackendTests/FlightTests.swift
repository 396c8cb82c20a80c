import CVulkan
import RedrafterCore
import RedrafterTesting
import Testing

@testable import VulkanBackend

@Suite("Several submissions in flight", .enabled(if: hasDevice, needsDevice), .serialized)
struct FlightTests {
    /// A chain of sums and norms in which every dispatch needs the one before it: 40 dispatches.
    private func chain(_ backend: VulkanBackend, dispatchesInSubmission: Int) throws -> [UInt32] {
        let (rows, columns) = (3, 96)
        let values = (0..<rows * columns).map { Float(($0 * 31) % 17 - 8) / 5 }
        let stream = VulkanStream(backend: backend)
        stream.dispatchesInSubmission = dispatchesInSubmission
        let (input, output) = (
            try backend.makeTensor(rows: rows, columns: columns, values: values),
            try backend.makeTensor(rows: rows, columns: columns, values: values)
        )
        let weight = try backend.makeTensor(
            rows: 1, columns: columns, values: [Float](repeating: 1.25, count: columns))
        for _ in 0..<20 {
            stream.add(input, to: output)
            stream.rmsNorm(output, weight: weight, epsilon: 1e-5, into: output)
        }
        return try stream.withValues(output) { $0.map(\.bitPattern) }
    }

    @Test(
        "A submission for each dispatch gives the bits of one for all",
        arguments: [[], Set(VulkanFeature.allCases)])
    func sameBits(masked: Set<VulkanFeature>) throws {
        let backend = try vulkan(masked)
        let expected = try chain(backend, dispatchesInSubmission: .max)
        for count in [1, 2, 7, VulkanStream.dispatchesInSubmission] {
            #expect(try chain(backend, dispatchesInSubmission: count) == expected)
        }
    }

    @Test(
        "A failure or a timeout in the middle of a flight is an error, and a backend made afterwards works",
        arguments: [VK_ERROR_DEVICE_LOST, VK_ERROR_OUT_OF_DEVICE_MEMORY, VK_TIMEOUT].map(\.rawValue))
    func failures(result: Int32) throws {
        let expected = try chain(try vulkan(), dispatchesInSubmission: 1)
        let first = try ownDevice().device.open.callCount
        var failures = 0
        for call in stride(from: first + 1, to: first + 220, by: 13) {
            let backend = try ownDevice(options(injection: FaultInjection(call: call, result: result)))
            do {
                #expect(try chain(backend, dispatchesInSubmission: 1) == expected)
            } catch let error as BackendError {
                failures += 1
                #expect(["deviceUnavailable", "outOfMemory"].contains(caseName(of: error)))
            }
        }
        #expect(failures > 10)
        #expect(try chain(try ownDevice(), dispatchesInSubmission: 1) == expected)
    }

    @Test("A device without timeline semaphores is refused, with the reason")
    func noTimelines() throws {
        do {
            _ = try VulkanBackend(options: options(injection: FaultInjection(hidesTimelines: true)))
            Issue.record("it was taken")
        } catch {
            #expect("\(error)".contains("timeline semaphores"))
        }
    }
}
