import COpenBLAS
import RedrafterPlatform
import Testing

/// A matrix of small numbers that follow no pattern, with more columns in storage than in use.
private struct Matrix {
    var rows: Int
    var columns: Int
    var stride: Int
    var values: [Float]

    init(rows: Int, columns: Int, seed: UInt64) {
        (self.rows, self.columns, stride) = (rows, columns, columns + 3)
        var state = seed
        values = (0..<rows * stride).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(state >> 40) / Float(1 << 23) - 1
        }
    }

    subscript(row: Int, column: Int) -> Float { values[row * stride + column] }
}

private let isLoaded = rd_blas_load() == 1

@Suite("The OpenBLAS shim", .enabled(if: isLoaded, "OpenBLAS is not installed"))
struct COpenBLASTests {
    @Test("The kernels are those of this processor unless the user has named others")
    func coreName() throws {
        let core = String(cString: try #require(rd_blas_core_name()))
        let configuration = String(cString: try #require(rd_blas_configuration()))
        let wanted =
            getenv("OPENBLAS_CORETYPE").map { String(cString: $0) }
            ?? rd_blas_preferred_core().map { String(cString: $0) }
        // A library built for one kind of processor has no other kernels to choose.
        if let wanted, configuration.contains("DYNAMIC_ARCH") {
            #expect(core.lowercased() == wanted.lowercased())
        }
        #expect(rd_blas_failure() == nil)
        #expect(rd_blas_maximum_callers() >= 32)
    }

    @Test("A product equals the sum of its terms for every transposition, with factors and padded rows")
    func products() {
        let (m, n, k) = (37, 29, 53)
        for transposeA in [false, true] {
            for transposeB in [false, true] {
                for (alpha, beta) in [(Float(1), Float(0)), (0.5, 1), (-2, 0.25)] {
                    let a = Matrix(rows: transposeA ? k : m, columns: transposeA ? m : k, seed: 1)
                    let b = Matrix(rows: transposeB ? n : k, columns: transposeB ? k : n, seed: 2)
                    let before = Matrix(rows: m, columns: n, seed: 3)
                    var c = before
                    rd_sgemm(
                        transposeA ? 1 : 0, transposeB ? 1 : 0, m, n, k, alpha, a.values, a.stride, b.values,
                        b.stride, beta, &c.values, c.stride)
                    var worst = Float(0)
                    for row in 0..<m {
                        for column in 0..<n {
                            var sum = Float(0)
                            for i in 0..<k {
                                sum +=
                                    (transposeA ? a[i, row] : a[row, i])
                                    * (transposeB ? b[column, i] : b[i, column])
                            }
                            worst = max(
                                worst, abs(c[row, column] - (alpha * sum + beta * before[row, column])))
                        }
                    }
                    #expect(
                        worst < 1e-4,
                        "transposed: \(transposeA), \(transposeB); alpha \(alpha), beta \(beta)")
                    let padding = (0..<m).allSatisfy { row in
                        (n..<c.stride).allSatisfy { c[row, $0] == before[row, $0] }
                    }
                    #expect(padding, "the padding of the rows was written")
                }
            }
        }
    }

    @Test("Products on several threads at once give the bits of one thread")
    func severalThreads() async {
        func product() -> [Float] {
            let a = Matrix(rows: 200, columns: 150, seed: 4), b = Matrix(rows: 150, columns: 90, seed: 5)
            var c = Matrix(rows: 200, columns: 90, seed: 6)
            rd_sgemm(0, 0, 200, 90, 150, 1, a.values, a.stride, b.values, b.stride, 0, &c.values, c.stride)
            return c.values
        }
        let alone = product()
        let differing = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<16 { group.addTask { rd_blas_load() != 1 || product() != alone } }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(differing == 0)
    }
}
