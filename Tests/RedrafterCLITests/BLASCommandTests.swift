import Foundation
import RedrafterTesting
import Testing

/// What `bench` reports under variables of the environment, on a model of two layers.
private func bench(_ variables: String) throws -> (run: Run, core: String?) {
    let directory = TemporaryDirectory()
    defer { withExtendedLifetime(directory) {} }
    let model = try ToyModelFile(type: .f32).writeGGUF(to: directory.path)
    let unset = "env -u OPENBLAS_CORETYPE -u OPENBLAS_NUM_THREADS -u REDRAFTER_OPENBLAS -u REDRAFTER_BLAS"
    let run = try Run(
        shell: "\(unset) \(variables) \"$R\" bench -m '\(model)' -p 128 -n 0 -r 1 -t 2 -o json")
    guard run.code == 0 else { return (run, nil) }
    let list = try #require(
        try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [[String: Any]])
    return (run, list.first?["blas"] as? String)
}

private let isInstalled: Bool = {
    do { return try bench("REDRAFTER_BLAS=on").run.code == 0 } catch { return false }
}()

@Suite("The command and OpenBLAS")
struct BLASCommandTests {
    @Test("It is off unless asked for")
    func isOff() throws {
        for variables in ["", "REDRAFTER_BLAS=off"] {
            let result = try bench(variables)
            #expect(result.run.code == 0 && result.core == nil, "\(result.run.errors)")
        }
    }

    #if arch(x86_64)
        @Test(
            "Kernels are those of the processor without the user setting anything, and the user's where one is set",
            .enabled(if: isInstalled, "OpenBLAS is not installed"))
        func cores() throws {
            // The fallback for a processor the library does not know is the slowest set, Prescott.
            let own = try #require(try bench("REDRAFTER_BLAS=on").core)
            let kernels = try Run(shell: "grep -m1 -c -w avx2 /proc/cpuinfo").output
            if kernels == "1\n" { #expect(own != "Prescott") }
            for core in ["Prescott", "Nehalem"] {
                #expect(try bench("REDRAFTER_BLAS=on OPENBLAS_CORETYPE=\(core)").core == core)
            }
        }
    #endif

    @Test("A missing library, a file that is none and an unknown word are one-line errors")
    func failures() throws {
        let missing = try bench("REDRAFTER_BLAS=on REDRAFTER_OPENBLAS=/nonexistent/libopenblas.so").run
        #expect(missing.code == 69 && missing.exited)
        #expect(missing.errors.contains("/nonexistent/libopenblas.so"), "\(missing.errors)")
        #expect(missing.errors.contains("REDRAFTER_BLAS=off"))

        let other = try bench("REDRAFTER_BLAS=on REDRAFTER_OPENBLAS=/dev/null").run
        #expect(other.code == 69 && other.exited, "\(other.errors)")

        let word = try bench("REDRAFTER_BLAS=maybe").run
        #expect(word.code == 64)
        #expect(word.errors.contains("'maybe'") && word.errors.contains("on, off"), "\(word.errors)")
    }
}
