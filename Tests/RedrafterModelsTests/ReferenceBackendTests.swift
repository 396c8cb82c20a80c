import RedrafterCore
import RedrafterTesting
import Testing

@Suite struct ReferenceBackendTests {
    @Test("The reference backend keeps the contract it is the oracle of")
    func conforms() throws {
        #expect(try checkTop(ReferenceBackend()) == [])
        #expect(try checkMoves(ReferenceBackend()) == [])
        #expect(try checkModels(ReferenceBackend(), types: [.f32, .f16, .q4_1]) == [])
    }

    @Test("Op cases give numbers that differ from row to row")
    func opCases() throws {
        for opCase in OpCases.all {
            let rows = try opCase.prepare(ReferenceBackend())([0, 1 % opCase.rows])
            #expect(rows.allSatisfy { $0.allSatisfy(\.isFinite) && $0.contains { $0 != 0 } }, "\(opCase)")
            #expect(opCase.rows == 1 || rows[0] != rows[1], "\(opCase)")
        }
    }

    @Test("The checker finds a backend whose rows depend on their batch")
    func findsVariance() throws {
        let drifting = OpCase(description: "drifting", requirement: nil, rows: 4, tolerance: 1e-3) { _ in
            { rows in rows.map { [Float($0) + 1 + Float(rows.count) * 1e-6] } }
        }
        let failures = try checkOperations(ReferenceBackend(), [drifting])
        #expect(failures.count == 1)
        #expect(failures.first?.message.contains("row 0 differs when computed with rows [0]") == true)
    }
}
