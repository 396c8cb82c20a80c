import RedrafterCore
import RedrafterFormats
import RedrafterPlatform

/// Executes each operation at once, element by element.
final class ReferenceStream: ComputeStream {
    func embed(tokens: [Int32], table: any WeightHandle, into output: Tensor) {
        let table = table.reference
        require(output, rows: tokens.count, columns: table.columns)
        for (row, token) in tokens.enumerated() {
            for column in 0..<table.columns {
                output[row, column] = table.values[Int(token) * table.columns + column]
            }
        }
    }

    func rmsNorm(_ input: Tensor, weight: Tensor, epsilon: Float, into output: Tensor) {
        require(output, rows: input.rows, columns: input.columns)
        for row in 0..<input.rows {
            var sum = 0.0
            for column in 0..<input.columns { sum += Double(input[row, column]) * Double(input[row, column]) }
            let scale = 1 / (sum / Double(input.columns) + Double(epsilon)).squareRoot()
            for column in 0..<input.columns {
                output[row, column] = Float(Double(input[row, column]) * scale * Double(weight[0, column]))
            }
        }
    }

    func linear(
        _ input: Tensor, weights: [any WeightHandle], biases: [Tensor?], into outputs: [Tensor],
        accumulate: Bool
    ) {
        for (index, weight) in weights.enumerated() {
            let weight = weight.reference
            require(outputs[index], rows: input.rows, columns: weight.rows)
            precondition(
                input.columns == weight.columns, "\(input.columns) inputs for \(weight.columns) columns")
            for row in 0..<input.rows {
                for feature in 0..<weight.rows {
                    var sum = dot(input, row, weight, feature)
                    if let bias = biases[index] { sum += Double(bias[0, feature]) }
                    if accumulate { sum += Double(outputs[index][row, feature]) }
                    outputs[index][row, feature] = Float(sum)
                }
            }
        }
    }

    func gatedLinear(
        _ input: Tensor, gate: any WeightHandle, up: any WeightHandle, activation: GateActivation,
        into output: Tensor
    ) {
        let (gate, up) = (gate.reference, up.reference)
        require(output, rows: input.rows, columns: gate.rows)
        for row in 0..<input.rows {
            for feature in 0..<gate.rows {
                output[row, feature] = Float(
                    activated(dot(input, row, gate, feature), by: activation)
                        * dot(input, row, up, feature))
            }
        }
    }

    func silu(_ input: Tensor, adding residual: Tensor?, into output: Tensor) {
        require(output, rows: input.rows, columns: input.columns)
        for row in 0..<input.rows {
            for column in 0..<input.columns {
                let before = residual.map { Double($0[row, column]) } ?? 0
                output[row, column] = Float(before + silu(Double(input[row, column])))
            }
        }
    }

    func add(_ input: Tensor, to output: Tensor) {
        require(output, rows: input.rows, columns: input.columns)
        for row in 0..<input.rows {
            for column in 0..<input.columns { output[row, column] += input[row, column] }
        }
    }

    func scale(_ tensor: Tensor, by factor: Float) {
        map(tensor) { $0 * Double(factor) }
    }

    func softcap(_ tensor: Tensor, limit: Float) {
        map(tensor) { Double(limit) * tanh($0 / Double(limit)) }
    }

    func concatenate(_ inputs: [Tensor], into output: Tensor) {
        require(output, rows: output.rows, columns: inputs.reduce(0) { $0 + $1.columns })
        for row in 0..<output.rows {
            var start = 0
            for input in inputs {
                require(input, rows: input.rows == 1 ? 1 : output.rows, columns: input.columns)
                for column in 0..<input.columns {
                    output[row, start + column] = input[input.rows == 1 ? 0 : row, column]
                }
                start += input.columns
            }
        }
    }

    func rotaryAppend(
        queries: Tensor, keys: Tensor, values: Tensor, table: RotaryTable, cache: any CacheStorage,
        layer: Int,
        plan: RowPlan
    ) {
        let cache = cache.reference
        for (index, row) in plan.rows.enumerated() {
            rotate(
                queries, row: index, position: row.position, headDimension: cache.shape.headDimension,
                table: table)
            let start = cache.start(layer: layer, sequence: row.sequence, slot: plan.slots[index])
            // Keys turn in a copy: only queries are changed in place.
            var turned = (0..<cache.width).map { keys[index, $0] }
            turn(&turned, position: row.position, headDimension: cache.shape.headDimension, table: table)
            for column in 0..<cache.width {
                cache.keys[start + column] = roundedToHalf(turned[column])
                cache.values[start + column] = roundedToHalf(values[index, column])
            }
        }
    }

    func attention(
        queries: Tensor, cache: any CacheStorage, layer: Int, plan: RowPlan, scores rule: AttentionScores,
        into output: Tensor
    ) {
        let cache = cache.reference
        let dimension = cache.shape.headDimension
        let heads = queries.columns / dimension
        let group = heads / cache.shape.keyValueHeads
        require(output, rows: plan.count, columns: queries.columns)
        for (index, row) in plan.rows.enumerated() {
            let starts = visibleSlots(plan, index).dropFirst(rule.firstKey(at: row.position)).map {
                cache.start(layer: layer, sequence: row.sequence, slot: $0)
            }
            for head in 0..<heads {
                let offset = head / group * dimension
                let scores = starts.map { start in
                    let product = (0..<dimension).reduce(0.0) {
                        $0 + Double(queries[index, head * dimension + $1])
                            * Double(cache.keys[start + offset + $1])
                    }
                    let score = product * Double(rule.scale)
                    return rule.softcap.map { Double($0) * tanh(score / Double($0)) } ?? score
                }
                let largest = scores.max() ?? 0
                let weights = scores.map { exp($0 - largest) }
                let total = weights.reduce(0, +)
                for element in 0..<dimension {
                    let sum = zip(starts, weights).reduce(0.0) {
                        $0 + $1.1 * Double(cache.values[$1.0 + offset + element])
                    }
                    output[index, head * dimension + element] = Float(sum / total)
                }
            }
        }
    }

    func gatherRows(_ input: Tensor, rows: [Int], into output: Tensor, at first: Int) {
        precondition(first >= 0 && first + rows.count <= output.rows)
        require(output, rows: output.rows, columns: input.columns)
        for (index, row) in rows.enumerated() {
            for column in 0..<input.columns { output[first + index, column] = input[row, column] }
        }
    }

    func copyCache(_ cache: any CacheStorage, from source: CacheSlots, to target: CacheSlots) {
        let cache = cache.reference
        for layer in 0..<cache.shape.layers {
            let entries = source.slots.map { slot in
                let start = cache.start(layer: layer, sequence: source.sequence, slot: slot)
                return (
                    Array(cache.keys[start..<(start + cache.width)]),
                    Array(cache.values[start..<(start + cache.width)])
                )
            }
            for (entry, slot) in zip(entries, target.slots) {
                let start = cache.start(layer: layer, sequence: target.sequence, slot: slot)
                cache.keys.replaceSubrange(start..<(start + cache.width), with: entry.0)
                cache.values.replaceSubrange(start..<(start + cache.width), with: entry.1)
            }
        }
    }

    func submit() throws(BackendError) {}

    func withValues<Result>(
        _ tensor: Tensor, _ body: (UnsafeBufferPointer<Float>) -> Result
    ) throws(BackendError) -> Result {
        let count = tensor.rows * tensor.columns
        return tensor.reference.values.withUnsafeBufferPointer {
            body(UnsafeBufferPointer(rebasing: $0[..<count]))
        }
    }

    func top(_ count: Int, of logits: Tensor, vocabulary: Int) throws(BackendError) -> [[TokenLogit]] {
        var lists = [[TokenLogit]]()
        for row in 0..<logits.rows {
            let all = (0..<vocabulary).map { TokenLogit(token: Int32($0), logit: logits[row, $0]) }
            guard all.allSatisfy({ $0.logit < .infinity }), all.contains(where: { $0.logit > -.infinity })
            else {
                lists.append([])
                continue
            }
            lists.append(Array(all.sorted { ($1.logit, $0.token) < ($0.logit, $1.token) }.prefix(count)))
        }
        return lists
    }

    func topLogProbabilities(
        _ count: Int, of logits: Tensor, vocabulary: Int
    ) throws(BackendError) -> [[TokenLogit]] {
        var lists = try top(count, of: logits, vocabulary: vocabulary)
        for row in lists.indices {
            guard let largest = lists[row].first.map({ Double($0.logit) }) else { continue }
            let sum = (0..<vocabulary).reduce(0.0) { $0 + exp(Double(logits[row, $1]) - largest) }
            for index in lists[row].indices {
                lists[row][index].logit = Float(Double(lists[row][index].logit) - largest - log(sum))
            }
        }
        return lists
    }
}

extension ReferenceStream {
    private func dot(_ input: Tensor, _ row: Int, _ weight: ReferenceWeight, _ feature: Int) -> Double {
        let values = input.reference.values
        var sum = 0.0
        for column in 0..<weight.columns {
            sum +=
                Double(values[row * weight.columns + column])
                * Double(weight.values[feature * weight.columns + column])
        }
        return sum
    }

    private func silu(_ x: Double) -> Double { x / (1 + exp(-x)) }

    private func activated(_ x: Double, by activation: GateActivation) -> Double {
        switch activation {
        case .silu: silu(x)
        case .geluTanh: x / 2 * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        }
    }

    private func map(_ tensor: Tensor, _ function: (Double) -> Double) {
        for row in 0..<tensor.rows {
            for column in 0..<tensor.columns {
                tensor[row, column] = Float(function(Double(tensor[row, column])))
            }
        }
    }

    private func rotate(_ tensor: Tensor, row: Int, position: Int, headDimension: Int, table: RotaryTable) {
        var values = (0..<tensor.columns).map { tensor[row, $0] }
        turn(&values, position: position, headDimension: headDimension, table: table)
        for column in 0..<tensor.columns { tensor[row, column] = values[column] }
    }

    private func turn(_ values: inout [Float], position: Int, headDimension: Int, table: RotaryTable) {
        let half = table.rotatedDimension / 2
        for head in stride(from: 0, to: values.count, by: headDimension) {
            for pair in 0..<half {
                let (first, second) =
                    switch table.pairing {
                    case .neighbours: (head + 2 * pair, head + 2 * pair + 1)
                    case .halves: (head + pair, head + pair + half)
                    }
                let (x, y) = (Double(values[first]), Double(values[second]))
                let cosine = Double(table.values[position, pair])
                let sine = Double(table.values[position, half + pair])
                values[first] = Float(x * cosine - y * sine)
                values[second] = Float(x * sine + y * cosine)
            }
        }
    }

    /// Slots of the keys a row sees, by position.
    private func visibleSlots(_ plan: RowPlan, _ row: Int) -> [Int] {
        guard let branch = plan.gathered(row) else { return Array(0..<plan.visibleKeys(row)) }
        return Array(0..<plan.committed[row]) + branch
    }

    private func require(_ tensor: Tensor, rows: Int, columns: Int) {
        precondition(
            tensor.rows == rows && tensor.columns == columns,
            "[\(tensor.rows), \(tensor.columns)] where [\(rows), \(columns)] is needed")
    }
}

extension Tensor {
    fileprivate var reference: ReferenceBuffer {
        guard let buffer = buffer as? ReferenceBuffer else {
            preconditionFailure("a tensor of another backend")
        }
        return buffer
    }

    fileprivate subscript(row: Int, column: Int) -> Float {
        get { reference.values[row * columns + column] }
        nonmutating set { reference.values[row * columns + column] = newValue }
    }
}

extension WeightHandle {
    fileprivate var reference: ReferenceWeight {
        guard let weight = self as? ReferenceWeight else {
            preconditionFailure("a weight of another backend")
        }
        return weight
    }
}

extension CacheStorage {
    fileprivate var reference: ReferenceCache {
        guard let cache = self as? ReferenceCache else { preconditionFailure("a cache of another backend") }
        return cache
    }
}

private func roundedToHalf(_ value: Float) -> Float { Float(halfBits: value.halfBits) }
