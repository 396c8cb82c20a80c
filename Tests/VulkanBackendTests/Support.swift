import RedrafterCore
import RedrafterTesting
import Testing

@testable import VulkanBackend

/// Whether there is a device; tests that need one say what to install where there is none.
let hasDevice: Bool = {
    do { return try VulkanDeviceDescription.all().contains(where: \.isUsable) } catch { return false }
}()

let needsDevice = Comment("there is no Vulkan device; install mesa-vulkan-drivers")

/// Options that do without some features of a device, and without the user's cache.
func options(_ mask: VulkanMask = VulkanMask(), injection: FaultInjection? = nil) -> VulkanBackend.Options {
    var options = VulkanBackend.Options(mask: mask)
    options.pipelineCache = .none
    options.injection = injection
    return options
}

/// The best device, opened.
func openDevice() throws -> OpenDevice {
    let instance = try VulkanInstance()
    return try OpenDevice(
        VulkanDeviceDescription.choose(nil, from: instance.devices), of: instance, pipelineCache: .none)
}

/// The device that small tests share, with the pipelines that one of them compiled. It stays open until the process ends.
private let sharedDevice = Result { try openDevice() }

/// A backend on the shared device.
func vulkan(_ options: VulkanBackend.Options) throws -> VulkanBackend {
    try VulkanBackend(on: sharedDevice.get(), options: options)
}

/// A backend on the shared device that does without some of its features.
func vulkan(_ masked: Set<VulkanFeature> = []) throws -> VulkanBackend {
    try vulkan(options(VulkanMask(features: masked)))
}

/// A backend on a device of its own, for tests of opening, losing and freeing devices. It checks two rows: each number of rows
/// takes another pipeline, and nothing but the number is different.
func ownDevice(_ options: VulkanBackend.Options = options()) throws -> VulkanBackend {
    var options = options
    options.checkedRows = 2
    return try VulkanBackend(options: options)
}

extension VulkanBackend {
    /// `input · weightᵀ` of random matrices, the same for every backend.
    func product(
        _ type: WeightType, rows: Int, columns: Int, outputs: Int
    ) throws -> [Float] {
        var random = SeededRandom(seed: 5)
        let bytes = randomWeight(type, rows: outputs, columns: columns, using: &random)
        let weight = try bytes.withUnsafeBytes {
            try makeWeight(type: type, rows: outputs, columns: columns, bytes: $0)
        }
        let inputs = (0..<rows * columns).map { _ in Float.random(in: -2...2, using: &random) }
        let stream = makeStream()
        let output = try makeTensor(rows: rows, columns: outputs)
        stream.linear(
            try makeTensor(rows: rows, columns: columns, values: inputs), weight: weight, into: output)
        let embedded = try makeTensor(rows: 3, columns: columns)
        stream.embed(tokens: [0, Int32(outputs / 2), Int32(outputs - 1)], table: weight, into: embedded)
        return try stream.withValues(output) { Array($0) } + stream.withValues(embedded) { Array($0) }
    }
}
