import CTraining

extension Matrix {
    /// Every row becomes `vector`. `[columns]`
    public func fill(rows vector: UnsafePointer<Float>) {
        rd_training_fill_rows(vector, rows, columns, base)
    }

    /// Zeros.
    public func clear() { base.update(repeating: 0, count: count) }

    /// self = SiLU(z), added to `residual` where there is one.
    public func assign(siluOf z: Matrix, adding residual: Matrix? = nil) {
        assert(count == z.count)
        rd_training_silu(z.base, residual?.base, count, base)
    }

    /// self = upstream · SiLU′(z)
    public func assign(siluGradientAt z: Matrix, upstream: Matrix) {
        assert(count == z.count && count == upstream.count)
        rd_training_silu_gradient(z.base, upstream.base, count, base)
    }

    /// self = a ⊙ b
    public func assign(_ a: Matrix, elementwise b: Matrix) {
        assert(count == a.count && count == b.count)
        for index in 0..<count { base[index] = a.base[index] * b.base[index] }
    }

    public func add(_ other: Matrix) {
        assert(count == other.count)
        rd_training_add(other.base, count, base)
    }

    /// Row `indices[i]` += row i of `source`, in the order of `source`.
    public func scatterAdd(_ source: Matrix, rows indices: UnsafeBufferPointer<Int32>) {
        assert(source.rows == indices.count && columns == source.columns)
        for (from, index) in indices.enumerated() {
            rd_training_add(source.row(from), columns, row(Int(index)))
        }
    }

    /// `sums` += the sum over all rows, a bias's gradient. `[columns]`
    public func addColumnSums(to sums: UnsafeMutablePointer<Float>) {
        assert(stride == columns)
        rd_training_add_column_sums(base, rows, columns, sums)
    }
}
