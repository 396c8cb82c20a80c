import ArgumentParser
import Redrafter
import RedrafterCore
import RedrafterFormats
import RedrafterReport
import VulkanBackend

/// `redrafter devices`: what `--backend vulkan` can run on.
struct DevicesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "devices",
        abstract: "Lists the Vulkan devices of this machine.",
        discussion: """
            Choose one with --backend vulkan --device, by its number, UUID or a part of its name.

              redrafter devices
              redrafter devices --json
            """)

    @Flag(help: "Print a JSON array.")
    var json = false

    func run() throws {
        let devices = try VulkanDeviceDescription.all()
        if json {
            return try Terminal.write(JSONValue.array(devices.map(object)).text(isPretty: true) + "\n")
        }
        guard !devices.isEmpty else {
            return Terminal.say("there is no Vulkan device; install a driver, such as mesa-vulkan-drivers")
        }
        try Terminal.write(table(devices).markdown)
    }

    private func table(_ devices: [VulkanDeviceDescription]) -> Table {
        var table = Table([
            .init("device", isNumeric: true), .init("name"), .init("kind"), .init("driver"), .init("Vulkan"),
            .init("memory MiB", isNumeric: true), .init("largest buffer MiB", isNumeric: true),
            .init("subgroup", isNumeric: true), .init("shuffle"), .init("mapped"),
        ])
        for device in devices {
            table.append([
                "\(device.index)", device.name, device.kind.rawValue,
                "\(device.driver) \(device.driverVersion)", device.apiVersion,
                "\(device.memoryBytes >> 20)", "\(device.storageBufferBytes >> 20)",
                "\(device.subgroupSize)", device.hasShuffle ? "yes" : "no", device.isMapped ? "yes" : "no",
            ])
        }
        return table
    }

    private func object(_ device: VulkanDeviceDescription) -> JSONValue {
        .object([
            "index": .integer(device.index), "name": .string(device.name),
            "kind": .string(device.kind.rawValue), "driver": .string(device.driver),
            "driver_version": .string(device.driverVersion), "uuid": .string(device.uuid),
            "api_version": .string(device.apiVersion), "memory_bytes": .integer(device.memoryBytes),
            "storage_buffer_bytes": .integer(device.storageBufferBytes),
            "texel_elements": .integer(device.texelElements), "shared_bytes": .integer(device.sharedBytes),
            "subgroup_size": .integer(device.subgroupSize), "shuffle": .bool(device.hasShuffle),
            "mapped": .bool(device.isMapped), "usable": .bool(device.isUsable),
        ])
    }
}
