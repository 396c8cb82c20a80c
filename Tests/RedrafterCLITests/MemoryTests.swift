#if os(Linux)
    import RedrafterPlatform
    import RedrafterTesting
    import Testing

    @Suite("Too little memory", .serialized) struct MemoryTests {
        private let directory = TemporaryDirectory()

        /// Runs a command with an address space of so many MiB.
        private func run(_ arguments: String, mebibytes: Int) throws -> Run {
            try Run(shell: "ulimit -v \(mebibytes * 1024); exec \"$R\" \(arguments)")
        }

        @Test("A model file for which there is no address space is exit code 75")
        func largeFile() throws {
            let path = directory.file("large.gguf")
            try ToyModelFile.write([1], to: path)
            // Sparse: it takes no disk.
            #expect(truncate(path, 8 << 30) == 0)
            for command in ["inspect", "generate -p x -t 1 -m"] {
                let run = try run("\(command) '\(path)'", mebibytes: 2000)
                #expect(run.exited && run.code == 75, "\(run.code): \(run.errors)")
                #expect(run.errors.contains("not enough memory for its \(8 << 30) bytes"), "\(run.errors)")
            }
        }

        @Test("However little there is, the command ends with exit code 75 or does its work")
        func anyLimit() throws {
            let model = try ToyModelFile().writeGGUF(to: directory.path)
            let arguments = "generate -m '\(model)' -p ab --no-chat-template -n 4 -t 2"
            var codes = [Int32]()
            for mebibytes in stride(from: 16, through: 160, by: 2) {
                let run = try run(arguments, mebibytes: mebibytes)
                // Below some size the system cannot map the program or its libraries: the command never begins.
                if codes.isEmpty, run.errors.isEmpty || run.errors.contains("loading shared libraries") {
                    continue
                }
                codes.append(run.code)
                #expect(
                    run.exited && [0, 75].contains(run.code), "\(mebibytes) MiB: \(run.code) \(run.errors)")
            }
            #expect(codes.first == 75 && codes.last == 0)
        }
    }
#endif
