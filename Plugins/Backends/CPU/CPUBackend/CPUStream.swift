import CKernels
import RedrafterCore
import RedrafterPlatform

/// Executes each operation at once, on the threads of its backend.
///
/// Linear layers are in `CPUStream+Linear.swift`, attention in `CPUStream+Attention.swift`.
final class CPUStream: ComputeStream {
    let backend: CPUBackend
    var kernels: rd_kernels { backend.kernels.table }
    var pool: ThreadPool { backend.pool }

    /// Activations as the kernels want them, written before each linear layer.
    var panels = Scratch()
    /// Output of the up projection where gate and up differ in type.
    var gateScratch = Scratch()
    /// Float weights as OpenBLAS takes them, one piece for each thread.
    var expanded = Scratch()
    /// Partial results of attention.
    var partials = Scratch()
    /// Scores of branches, one piece for each thread.
    var branchScores = Scratch()

    /// Groups of queries of the last plan, for each kind of layer.
    var lastGroups = [AttentionGroups]()

    init(backend: CPUBackend) { self.backend = backend }

    func embed(tokens: [Int32], table: any WeightHandle, into output: Tensor) {
        let table = table.onCPU
        precondition(output.rows == tokens.count && output.columns == table.columns)
        for (row, token) in tokens.enumerated() {
            precondition(token >= 0 && Int(token) < table.rows, "token \(token) has no embedding")
            let (tile, lane) = Int(token).quotientAndRemainder(dividingBy: 16)
            rd_unpack_row(
                table.type.rawValue, table.tiles + tile * table.tileBytes, lane, table.columns,
                output.floats + row * output.columns)
        }
    }

    func rmsNorm(_ input: Tensor, weight: Tensor, epsilon: Float, into output: Tensor) {
        precondition(input.rows == output.rows && input.columns == output.columns)
        precondition(weight.columns == input.columns)
        let (columns, norm, scale) = (input.columns, kernels.rms_norm, weight.floats)
        forEachRow(input.rows, cost: columns) { row in
            norm(input.floats + row * columns, scale, epsilon, columns, output.floats + row * columns)
        }
    }

    func silu(_ input: Tensor, adding residual: Tensor?, into output: Tensor) {
        precondition(output.rows == input.rows && output.columns == input.columns)
        let (columns, activate) = (input.columns, kernels.silu)
        forEachRow(input.rows, cost: 8 * columns) { row in
            activate(
                input.floats + row * columns, residual.map { $0.floats + row * columns }, columns,
                output.floats + row * columns)
        }
    }

    func add(_ input: Tensor, to output: Tensor) {
        precondition(output.rows == input.rows && output.columns == input.columns)
        let (columns, source, target) = (input.columns, input.floats, output.floats)
        forEachRow(input.rows, cost: columns) { row in
            for index in row * columns..<(row + 1) * columns { target[index] += source[index] }
        }
    }

    func scale(_ tensor: Tensor, by factor: Float) {
        let (columns, values) = (tensor.columns, tensor.floats)
        forEachRow(tensor.rows, cost: columns) { row in
            for index in row * columns..<(row + 1) * columns { values[index] *= factor }
        }
    }

    func softcap(_ tensor: Tensor, limit: Float) {
        let (columns, cap) = (tensor.columns, kernels.softcap)
        forEachRow(tensor.rows, cost: 8 * columns) { row in
            cap(tensor.floats + row * columns, columns, limit)
        }
    }

    func concatenate(_ inputs: [Tensor], into output: Tensor) {
        precondition(inputs.reduce(0) { $0 + $1.columns } == output.columns)
        var start = 0
        for input in inputs {
            precondition(input.rows == output.rows || input.rows == 1)
            for row in 0..<output.rows {
                let source = input.floats + (input.rows == 1 ? 0 : row * input.columns)
                (output.floats + row * output.columns + start).update(from: source, count: input.columns)
            }
            start += input.columns
        }
    }

    func gatherRows(_ input: Tensor, rows: [Int], into output: Tensor, at first: Int) {
        precondition(first >= 0 && first + rows.count <= output.rows && output.columns == input.columns)
        for (index, row) in rows.enumerated() {
            precondition(row >= 0 && row < input.rows)
            (output.floats + (first + index) * output.columns).update(
                from: input.floats + row * input.columns, count: input.columns)
        }
    }

    func copyCache(_ cache: any CacheStorage, from source: CacheSlots, to target: CacheSlots) {
        let (cache, count) = (cache.onCPU, source.slots.count)
        precondition(count == target.slots.count)
        let (d, heads) = (cache.shape.headDimension, cache.shape.keyValueHeads)
        forEachRow(cache.shape.layers * heads, cost: 2 * count * d) { unit in
            let (layer, head) = unit.quotientAndRemainder(dividingBy: heads)
            let keys = cache.keys(layer: layer, sequence: source.sequence, head: head)
            let values = cache.values(layer: layer, sequence: source.sequence, head: head)
            let targetKeys = cache.keys(layer: layer, sequence: target.sequence, head: head)
            let targetValues = cache.values(layer: layer, sequence: target.sequence, head: head)
            withUnsafeTemporaryAllocation(of: UInt16.self, capacity: count * d) { buffer in
                guard let held = buffer.baseAddress else { return }
                for (i, slot) in source.slots.enumerated() {
                    for c in 0..<d { held[i * d + c] = keys[keyIndex(slot, c, d)] }
                }
                for (i, slot) in target.slots.enumerated() {
                    for c in 0..<d { targetKeys[keyIndex(slot, c, d)] = held[i * d + c] }
                }
                for (i, slot) in source.slots.enumerated() {
                    (held + i * d).update(from: values + slot * d, count: d)
                }
                for (i, slot) in target.slots.enumerated() {
                    (targetValues + slot * d).update(from: held + i * d, count: d)
                }
            }
        }
    }

    func submit() throws(BackendError) {}

    func withValues<Result>(
        _ tensor: Tensor, _ body: (UnsafeBufferPointer<Float>) -> Result
    ) throws(BackendError) -> Result {
        body(UnsafeBufferPointer(start: tensor.floats, count: tensor.rows * tensor.columns))
    }

    func top(_ count: Int, of logits: Tensor, vocabulary: Int) throws(BackendError) -> [[TokenLogit]] {
        precondition(vocabulary > 0 && vocabulary <= logits.columns && count > 0)
        return lists(logits, cost: vocabulary) { row in self.leading(count, row, vocabulary) }
    }

    func topLogProbabilities(
        _ count: Int, of logits: Tensor, vocabulary: Int
    ) throws(BackendError) -> [[TokenLogit]] {
        precondition(vocabulary > 0 && vocabulary <= logits.columns && count > 0)
        let expSum = kernels.exp_sum
        return lists(logits, cost: 8 * vocabulary) { row in
            var list = self.leading(count, row, vocabulary)
            guard let largest = list.first?.logit else { return [] }
            let logSum = largest + log(expSum(row, vocabulary, largest))
            for index in list.indices { list[index].logit -= logSum }
            return list
        }
    }

    /// The largest of `vocabulary` logits; none where the row is not usable.
    private func leading(_ count: Int, _ row: UnsafePointer<Float>, _ vocabulary: Int) -> [TokenLogit] {
        let best = kernels.argmax(row, vocabulary)
        if best < 0 { return [] }
        if count == 1 { return [TokenLogit(token: Int32(best), logit: row[Int(best)])] }
        return TopList.largest(count, of: UnsafeBufferPointer(start: row, count: vocabulary))
    }

    /// A list for each row, made in parallel.
    private func lists(
        _ logits: Tensor, cost: Int, _ list: (UnsafePointer<Float>) -> [TokenLogit]
    ) -> [[TokenLogit]] {
        var result = [[TokenLogit]](repeating: [], count: logits.rows)
        result.withUnsafeMutableBufferPointer { result in
            // Each row writes its own element.
            nonisolated(unsafe) let result = result
            forEachRow(logits.rows, cost: cost) { row in
                result[row] = list(logits.floats + row * logits.columns)
            }
        }
        return result
    }

    /// One unit a row, or all rows on the calling thread where they are too little work to hand over.
    func forEachRow(_ rows: Int, cost: Int, _ body: (Int) -> Void) {
        let handOverPays = rows > 1 && rows * cost >= 16_384
        guard handOverPays else {
            for row in 0..<rows { body(row) }
            return
        }
        let rowsPerUnit = max(1, rows / (8 * pool.threads))
        pool.run(units: (rows + rowsPerUnit - 1) / rowsPerUnit) { unit, _ in
            for row in unit * rowsPerUnit..<min(rows, (unit + 1) * rowsPerUnit) { body(row) }
        }
    }
}

/// Place of element `c` of the key in `slot`: keys lie in tiles of 16 slots, `[slots/16][d][16]`.
@inline(__always)
func keyIndex(_ slot: Int, _ c: Int, _ d: Int) -> Int { (slot / 16 * d + c) * 16 + slot % 16 }

/// Memory that grows to the largest request.
struct Scratch {
    private var mapping: Mapping?

    /// At least `byteCount` bytes of undefined content, valid until the next request.
    mutating func bytes(_ byteCount: Int) -> UnsafeMutablePointer<UInt8> {
        if let mapping, mapping.byteCount >= byteCount {
            return mapping.base.assumingMemoryBound(to: UInt8.self)
        }
        do {
            let fresh = try Mapping(byteCount: byteCount, purpose: "scratch")
            mapping = fresh
            return fresh.base.assumingMemoryBound(to: UInt8.self)
        } catch {
            // Scratch is planned with the model's memory; the system refused what it had promised.
            preconditionFailure("\(error)")
        }
    }

    mutating func floats(_ count: Int) -> UnsafeMutablePointer<Float> {
        UnsafeMutableRawPointer(bytes(count * 4)).assumingMemoryBound(to: Float.self)
    }
}

extension Tensor {
    /// The matrix in memory. Traps on a tensor of another backend.
    var floats: UnsafeMutablePointer<Float> {
        precondition(type(of: buffer) == CPUBuffer.self, "a tensor of another backend")
        return unsafeDowncast(buffer, to: CPUBuffer.self).floats
    }
}

extension WeightHandle {
    var onCPU: CPUWeight {
        precondition(Swift.type(of: self) == CPUWeight.self, "a weight of another backend")
        return unsafeDowncast(self, to: CPUWeight.self)
    }
}

extension CacheStorage {
    var onCPU: CPUCache {
        precondition(Swift.type(of: self) == CPUCache.self, "a cache of another backend")
        return unsafeDowncast(self, to: CPUCache.self)
    }
}
