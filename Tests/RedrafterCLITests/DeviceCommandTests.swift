import Foundation
import RedrafterTesting
import Testing

/// Whether the built command finds a Vulkan device.
private let hasDevice: Bool = {
    do { return try Run(shell: "\"$R\" devices --json").output.contains("\"usable\": true") } catch {
        return false
    }
}()

private let needsDevice = Comment("there is no Vulkan device; install mesa-vulkan-drivers")

@Suite("Devices on the command line")
struct DeviceCommandTests {
    /// No driver: the loader looks nowhere else than in this file.
    private static let noDriver = ["VK_ICD_FILENAMES": "/dev/null", "VK_DRIVER_FILES": "/dev/null"]
    /// A prompt, for a model that is not there: backends are made before files are opened.
    private static let generate = "\"$R\" generate -p x -m /nonexistent"

    @Test("Devices are listed as a table and as JSON", .enabled(if: hasDevice, needsDevice))
    func listed() throws {
        let table = try Run(shell: "\"$R\" devices")
        #expect(table.code == 0 && table.output.contains("| device |") && table.errors.isEmpty)
        let json = try Run(shell: "\"$R\" devices --json")
        let list = try #require(
            try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]])
        #expect(list.first?["index"] as? Int == 0)
        #expect((list.first?["uuid"] as? String)?.count == 32)
        #expect((list.first?["memory_bytes"] as? Int ?? 0) > 0)
    }

    @Test(
        "Without a driver, or with a broken one, vulkan ends with 69 and auto says that it goes on with the CPU",
        arguments: ["/dev/null", "/nonexistent/icd.json", "garbage", "missing library"])
    func noDriver(kind: String) throws {
        let directory = TemporaryDirectory()
        var file = kind
        if !kind.hasPrefix("/") {
            file = directory.path + "/icd.json"
            let text =
                kind == "garbage"
                ? "{\"file_format_version\": [[[" + String(repeating: "\u{1}", count: 50)
                : """
                {"file_format_version": "1.0.0", "ICD": {"library_path": "/nonexistent.so", "api_version": "1.3.0"}}
                """
            try Data(text.utf8).write(to: URL(filePath: file))
        }
        let environment = ["VK_ICD_FILENAMES": file, "VK_DRIVER_FILES": file]
        let run = try Run(shell: Self.generate + " --backend vulkan", environment: environment)
        #expect(run.exited && run.code == 69, "\(run.code): \(run.errors)")
        #expect(run.errors.contains("error: ") && run.errors.contains("not available"), "\(run.errors)")
        let devices = try Run(shell: "\"$R\" devices", environment: environment)
        #expect(devices.exited && [0, 69].contains(devices.code) && !devices.errors.isEmpty)
    }

    @Test("A device that does not exist is wrong use", .enabled(if: hasDevice, needsDevice))
    func unknownDevice() throws {
        for backend in ["vulkan", "auto"] {
            let run = try Run(shell: Self.generate + " --backend \(backend) --device 99")
            #expect(run.exited && run.code == 64, "\(run.code): \(run.errors)")
            #expect(run.errors.contains("device '99' is not available here"))
        }
        let masked = try Run(
            shell: Self.generate + " --backend vulkan", environment: ["REDRAFTER_VULKAN_MASK": "teleport"])
        #expect(masked.code == 64 && masked.errors.contains("shuffle, mapped, serial"))
    }

    @Test(
        "auto runs on the CPU where there is no graphics processor, and says so; cpu never opens the loader",
        .enabled(if: DefaultModel.isAvailable, "\(DefaultModel.howToGet)"))
    func automatic() throws {
        let run = try Run(
            shell: "\"$R\" generate -p 'Count: 1, 2,' -n 4 --drafter none --backend auto",
            environment: Self.noDriver)
        #expect(run.code == 0 && run.errors.contains("backend: cpu on "), "\(run.errors)")
        let shell = "\"$R\" generate -p 'Count: 1, 2,' -n 4 --drafter none"
        let cpu = try Run(shell: shell, environment: ["LD_DEBUG": "files"])
        #expect(cpu.code == 0 && cpu.output == run.output)
        #expect(!cpu.errors.contains("libvulkan"))
    }

    @Test(
        "compare puts both backends into one table, with no token that differs between drafters",
        .enabled(if: DefaultModel.isAvailable && hasDevice, "\(DefaultModel.howToGet)"))
    func compared() throws {
        let run = try Run(
            shell: "\"$R\" compare --backend cpu,vulkan --drafters rnn,none -n 12 -r 1 --limit 2 -o csv")
        #expect(run.code == 0, "\(run.errors)")
        let lines = run.output.split(separator: "\n")
        let counts = ["cpu", "vulkan"].map { name in lines.count { $0.contains(name) } }
        #expect(counts[0] > 0 && counts[0] == counts[1], "\(run.output)")
    }
}
