import COpenBLAS

/// A row-major matrix in memory that somebody else owns: parameters, gradients or a chunk's scratch. Valid while a chunk is
/// computed.
public struct Matrix {
    public let base: UnsafeMutablePointer<Float>
    public let rows: Int
    public let columns: Int
    /// Elements from one row to the next.
    public let stride: Int

    init(base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
        self.base = base
        self.rows = rows
        self.columns = columns
        self.stride = stride ?? columns
    }

    /// Elements of a matrix without gaps.
    public var count: Int {
        assert(stride == columns, "rows with gaps")
        return rows * columns
    }

    public func row(_ index: Int) -> UnsafeMutablePointer<Float> { base + index * stride }

    /// Some of the rows.
    public subscript(rows range: Range<Int>) -> Matrix {
        Matrix(base: row(range.lowerBound), rows: range.count, columns: columns, stride: stride)
    }

    /// Some of the columns.
    public subscript(columns range: Range<Int>) -> Matrix {
        Matrix(base: base + range.lowerBound, rows: rows, columns: range.count, stride: stride)
    }

    /// self = (accumulates: self +) x wᵀ. `[rows, in]`, `[out, in]` to `[rows, out]`
    public func assign(_ x: Matrix, timesTransposed w: Matrix, accumulates: Bool = false) {
        assert(rows == x.rows && columns == w.rows && x.columns == w.columns)
        rd_sgemm(
            0, 1, rows, columns, x.columns, 1, x.base, x.stride, w.base, w.stride, accumulates ? 1 : 0, base,
            stride)
    }

    /// self = (accumulates: self +) g w, which carries gradients from a layer's output to its input.
    /// `[rows, out]`, `[out, in]` to `[rows, in]`
    public func assign(_ g: Matrix, times w: Matrix, accumulates: Bool = false) {
        assert(rows == g.rows && columns == w.columns && g.columns == w.rows)
        rd_sgemm(
            0, 0, rows, columns, g.columns, 1, g.base, g.stride, w.base, w.stride, accumulates ? 1 : 0, base,
            stride)
    }

    /// self += gᵀ x, a weight's gradient. `[rows, out]`, `[rows, in]` to `[out, in]`
    public func add(transposed g: Matrix, times x: Matrix) {
        assert(rows == g.columns && columns == x.columns && g.rows == x.rows)
        rd_sgemm(1, 0, rows, columns, g.rows, 1, g.base, g.stride, x.base, x.stride, 1, base, stride)
    }

    /// The elements of `source`.
    public func copy(_ source: Matrix) {
        assert(rows == source.rows && columns == source.columns)
        for index in 0..<rows { row(index).update(from: source.row(index), count: columns) }
    }

    /// Row i becomes row `indices[i]` of `source`.
    public func gather(_ source: Matrix, rows indices: UnsafeBufferPointer<Int32>) {
        assert(rows == indices.count && columns == source.columns)
        for (target, index) in indices.enumerated() {
            row(target).update(from: source.row(Int(index)), count: columns)
        }
    }
}
