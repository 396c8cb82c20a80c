import CKernels
import RedrafterCore

extension CPUStream {
    /// Rows of a long batch that one unit works on: their activations stay in the second-level cache.
    private static let panelsPerUnit = 16

    func linear(
        _ input: Tensor, weights: [any WeightHandle], biases: [Tensor?], into outputs: [Tensor],
        accumulate: Bool
    ) {
        precondition(weights.count == outputs.count && weights.count == biases.count)
        var jobs = [rd_linear]()
        jobs.reserveCapacity(weights.count)
        var products = [rd_linear]()
        var prepared: Bool?
        for index in weights.indices {
            let (weight, output) = (weights[index].onCPU, outputs[index])
            precondition(output.rows == input.rows && output.columns == weight.rows, "linear: output shape")
            precondition(weight.columns == input.columns, "linear: input shape")
            if isBLASProduct(weight, rows: input.rows) {
                products.append(
                    job(weight, rows: input.rows, output: output, bias: biases[index], accumulate: accumulate)
                )
                continue
            }
            // Matrices over one input may differ in type: activations are prepared once for neighbours that agree.
            if prepared != nil, prepared != weight.type.isFloat {
                run(jobs)
                jobs.removeAll(keepingCapacity: true)
            }
            if prepared != weight.type.isFloat {
                preparePanels(input, for: weight.type)
                prepared = weight.type.isFloat
            }
            jobs.append(
                job(weight, rows: input.rows, output: output, bias: biases[index], accumulate: accumulate))
        }
        run(jobs)
        multiply(products, by: input)
    }

    func gatedLinear(
        _ input: Tensor, gate: any WeightHandle, up: any WeightHandle, activation: GateActivation,
        into output: Tensor
    ) {
        let (gate, up) = (gate.onCPU, up.onCPU)
        precondition(gate.rows == up.rows && gate.columns == up.columns && gate.columns == input.columns)
        precondition(output.rows == input.rows && output.columns == gate.rows)
        let areProducts = isBLASProduct(gate, rows: input.rows) && isBLASProduct(up, rows: input.rows)
        guard gate.type.isFloat == up.type.isFloat, !areProducts else {
            let scratch = gateScratch.floats(output.rows * output.columns)
            var other = job(up, rows: input.rows, output: output, bias: nil, accumulate: false)
            other.output = scratch
            if areProducts {
                let first = job(gate, rows: input.rows, output: output, bias: nil, accumulate: false)
                multiply([first, other], by: input)
            } else {
                linear(input, weight: gate, into: output)
                preparePanels(input, for: up.type)
                other.panels = UnsafePointer(panels.bytes(0))
                run([other])
            }
            let (columns, activate) = (output.columns, kernels.gate)
            forEachRow(output.rows, cost: 8 * columns) { row in
                activate(
                    output.floats + row * columns, scratch + row * columns, columns, activation.rawValue)
            }
            return
        }
        preparePanels(input, for: gate.type)
        var first = job(gate, rows: input.rows, output: output, bias: nil, accumulate: false)
        var second = job(up, rows: input.rows, output: output, bias: nil, accumulate: false)
        let kernel = kernels.gated
        let (tiles, panels) = (tileCount(first), panelCount(first))
        let chunk = tilesPerUnit(total: 2 * tiles, rows: input.rows)
        withUnsafePointer(to: &first) { first in
            withUnsafePointer(to: &second) { second in
                let (tileUnits, panelUnits) = (units(tiles, chunk), units(panels, Self.panelsPerUnit))
                pool.run(units: tileUnits * panelUnits) { unit, _ in
                    let (block, tile) = unit.quotientAndRemainder(dividingBy: tileUnits)
                    kernel(
                        first, second, activation.rawValue, tile * chunk, min(tiles, (tile + 1) * chunk),
                        block * Self.panelsPerUnit,
                        min(panels, (block + 1) * Self.panelsPerUnit))
                }
            }
        }
    }

    /// Writes the rows as the kernels of this type want them: int8 blocks for quantised weights, else floats.
    private func preparePanels(_ input: Tensor, for type: WeightType) {
        let (rows, columns) = (input.rows, input.columns)
        let bytes = rd_panel_bytes(type.rawValue, columns)
        let count = (rows + 7) / 8
        let target = panels.bytes(count * bytes)
        let prepare = type.isFloat ? kernels.float_panel : kernels.quantize_panel
        forEachRow(count, cost: 8 * columns) { panel in
            let first = panel * 8
            prepare(
                input.floats + first * columns, columns, min(8, rows - first), columns, target + panel * bytes
            )
        }
    }

    func job(
        _ weight: CPUWeight, rows: Int, output: Tensor, bias: Tensor?, accumulate: Bool
    ) -> rd_linear {
        let panelBytes = rd_panel_bytes(weight.type.rawValue, weight.columns)
        return rd_linear(
            weights: weight.tiles, tile_bytes: weight.tileBytes, type: weight.type.rawValue,
            columns: UInt32(weight.columns), outputs: UInt32(weight.rows), rows: UInt32(rows),
            panels: UnsafePointer(panels.bytes(0)), panel_bytes: panelBytes,
            bias: bias.map { UnsafePointer($0.floats) }, output: output.floats, output_stride: output.columns,
            accumulate: accumulate ? 1 : 0)
    }

    /// Several matrices over the same panels in one parallel region.
    private func run(_ jobs: [rd_linear]) {
        guard let first = jobs.first else { return }
        let kernel = kernels.linear
        let panels = panelCount(first)
        let total = jobs.reduce(0) { $0 + tileCount($1) }
        let chunk = tilesPerUnit(total: total, rows: Int(first.rows))
        let panelUnits = units(panels, Self.panelsPerUnit)
        jobs.withUnsafeBufferPointer { jobs in
            let tileUnits = jobs.reduce(0) { $0 + units(tileCount($1), chunk) }
            pool.run(units: tileUnits * panelUnits) { unit, _ in
                var (block, tile) = unit.quotientAndRemainder(dividingBy: tileUnits)
                var index = 0
                while tile >= units(tileCount(jobs[index]), chunk) {
                    tile -= units(tileCount(jobs[index]), chunk)
                    index += 1
                }
                block *= Self.panelsPerUnit
                kernel(
                    jobs.baseAddress.unsafelyUnwrapped + index, tile * chunk,
                    min(tileCount(jobs[index]), (tile + 1) * chunk), block,
                    min(panels, block + Self.panelsPerUnit))
            }
        }
    }

    /// Tiles of one unit: small enough that a slower core does not hold the others up (a tile costs more the more rows
    /// there are), large enough to stream.
    private func tilesPerUnit(total: Int, rows: Int) -> Int {
        rows < 4 ? min(max(total / (16 * pool.threads), 2), 16) : min(max(total / (48 * pool.threads), 1), 8)
    }

    func tileCount(_ job: rd_linear) -> Int { (Int(job.outputs) + 15) / 16 }
    private func panelCount(_ job: rd_linear) -> Int { (Int(job.rows) + 7) / 8 }
    func units(_ count: Int, _ size: Int) -> Int { (count + size - 1) / size }
}
