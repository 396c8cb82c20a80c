import CKernels
import COpenBLAS
import RedrafterCore

extension CPUBackend {
    /// Rows from which a product with float weights may go to OpenBLAS. Passes that decode or verify have fewer, so only
    /// prefill does.
    public static let minimumBLASRows = 128
}

extension CPUStream {
    /// Tiles of 16 outputs in one product: a constant, so that results do not depend on the number of threads.
    private static let tilesPerProduct = 6

    /// Whether this matrix times this many rows is a product of OpenBLAS.
    func isBLASProduct(_ weight: CPUWeight, rows: Int) -> Bool {
        backend.blas != nil && weight.type.isFloat && rows >= CPUBackend.minimumBLASRows
            && max(rows, weight.rows, weight.columns) <= Int(Int32.max)
    }

    /// Several matrices times the same rows: each unit expands the weights of one panel of outputs to floats and
    /// multiplies all rows by them, on its own thread.
    func multiply(_ jobs: [rd_linear], by input: Tensor) {
        guard !jobs.isEmpty else { return }
        let width = Self.tilesPerProduct * 16
        let expand = kernels.expand
        let pieceFloats = input.columns * width
        let scratch = expanded.floats(pool.threads * pieceFloats)
        jobs.withUnsafeBufferPointer { jobs in
            let total = jobs.reduce(0) { $0 + units(tileCount($1), Self.tilesPerProduct) }
            pool.run(units: total) { unit, thread in
                var (panel, index) = (unit, 0)
                while panel >= units(tileCount(jobs[index]), Self.tilesPerProduct) {
                    panel -= units(tileCount(jobs[index]), Self.tilesPerProduct)
                    index += 1
                }
                let job = jobs[index]
                let first = panel * Self.tilesPerProduct
                let last = min(tileCount(job), first + Self.tilesPerProduct)
                let weights = scratch + thread * pieceFloats  // [columns, 16 × tiles]
                expand(jobs.baseAddress.unsafelyUnwrapped + index, first, last, weights)
                let count = min(Int(job.outputs) - first * 16, width)
                let output = job.output + first * 16
                rd_sgemm(
                    0, 0, input.rows, count, input.columns, 1, input.floats, input.columns, weights,
                    (last - first) * 16, job.accumulate == 1 ? 1 : 0, output, job.output_stride)
                guard let bias = job.bias else { return }
                for row in 0..<input.rows {
                    let output = output + row * job.output_stride
                    for column in 0..<count { output[column] += bias[first * 16 + column] }
                }
            }
        }
    }
}
