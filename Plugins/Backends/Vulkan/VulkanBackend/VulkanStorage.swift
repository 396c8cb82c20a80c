import CVulkan
import RedrafterCore

/// Activations: a row-major matrix of floats.
final class VulkanBuffer: ComputeBuffer {
    let piece: MemoryPiece

    init(_ piece: MemoryPiece) { self.piece = piece }
}

/// A weight matrix in strips of 32 outputs; `layout.glsl` draws them. Cut into parts where it is larger than a buffer that a
/// shader can read.
final class VulkanWeight: WeightHandle {
    struct Part: Sendable {
        /// Output features; the first is a multiple of 32.
        let rows: Range<Int>
        let piece: MemoryPiece
    }

    let rows: Int
    let columns: Int
    let type: WeightType
    /// Slots of 128 bytes of a strip.
    let stripSlots: Int
    let parts: [Part]

    init(rows: Int, columns: Int, type: WeightType, stripSlots: Int, parts: [Part]) {
        self.rows = rows
        self.columns = columns
        self.type = type
        self.stripSlots = stripSlots
        self.parts = parts
    }
}

/// Keys and values in F16; `cache.glsl` draws them. Layers lie in as few pieces as the device's limits allow.
final class VulkanCache: CacheStorage {
    let shape: CacheShape
    let layersInPiece: Int
    let pieces: [MemoryPiece]

    /// - Throws: `BackendError.outOfMemory`, `.unsupported` where a layer is larger than a buffer can be.
    init(shape: CacheShape, memory: VulkanMemory) throws(BackendError) {
        var layer = shape
        layer.layers = 1
        let limits = memory.device.description
        let largest = min(
            limits.storageBufferBytes, limits.texelElements * 16, limits.limits.maxMemoryAllocationSize)
        guard let layerBytes = layer.byteCount.value, shape.byteCount.value != nil else {
            throw .outOfMemory(needed: .max, available: memory.available, purpose: "the key/value cache")
        }
        guard layerBytes <= largest else {
            throw .unsupported(
                operation: "a key/value cache of \(layerBytes >> 20) MiB a layer", type: "f16",
                reason: "\(limits.name) takes \(largest >> 20) MiB; choose a smaller context")
        }
        self.shape = shape
        layersInPiece = max(1, min(shape.layers, largest / max(layerBytes, 1)))
        var pieces = [MemoryPiece]()
        for first in stride(from: 0, to: shape.layers, by: layersInPiece) {
            let layers = min(layersInPiece, shape.layers - first)
            pieces.append(try memory.allocate(layers * layerBytes, purpose: "the key/value cache"))
        }
        self.pieces = pieces
    }

    /// Words of one layer.
    var layerWords: Int {
        shape.sequences * shape.keyValueHeads * shape.capacity * shape.headDimension
    }
}

extension Tensor {
    var onVulkan: MemoryPiece {
        guard let buffer = buffer as? VulkanBuffer else { preconditionFailure("a tensor of another backend") }
        return buffer.piece
    }
}

extension WeightHandle {
    var onVulkan: VulkanWeight {
        guard let weight = self as? VulkanWeight else { preconditionFailure("a weight of another backend") }
        return weight
    }
}

extension CacheStorage {
    var onVulkan: VulkanCache {
        guard let cache = self as? VulkanCache else { preconditionFailure("a cache of another backend") }
        return cache
    }
}
