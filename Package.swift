// swift-tools-version: 6.2
import PackageDescription

// Every target of this package builds without warnings; dependencies are left alone.
let swiftSettings: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
]
let cSettings: [CSetting] = [
    .treatAllWarnings(as: .error)
]

/// The commit that is built, as the Makefile passes it; a plain `swift build` does not know it.
let commit = (Context.environment["REDRAFTER_COMMIT"] ?? "")
    .filter { $0.isLetter || $0.isNumber || $0 == "-" }

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

/// What only the server needs.
let serving = TargetDependencyCondition.when(traits: ["Server"])

let package = Package(
    name: "redrafter",
    platforms: [.macOS(.v15)],
    products: [
        .library(name: "Redrafter", targets: ["Redrafter"]),
        .library(name: "RedrafterCore", targets: ["RedrafterCore"]),
        .library(name: "RedrafterFormats", targets: ["RedrafterFormats"]),
        .library(name: "RedrafterTemplates", targets: ["RedrafterTemplates"]),
        .library(name: "RedrafterModels", targets: ["RedrafterModels"]),
        .library(name: "RedrafterHub", targets: ["RedrafterHub"]),
        .library(name: "RedrafterDrafters", targets: ["RedrafterDrafters"]),
        .library(name: "DrafterHeads", targets: ["DrafterHeads"]),
        .library(name: "RedrafterTraining", targets: ["RedrafterTraining"]),
        .library(name: "RedrafterTrainers", targets: ["RedrafterTrainers"]),
        .library(name: "RedrafterDistillation", targets: ["RedrafterDistillation"]),
        .library(name: "RedrafterServing", targets: ["RedrafterServing"]),
        .library(name: "RedrafterCommands", targets: ["RedrafterCommands"]),
        .library(name: "RedrafterTesting", targets: ["RedrafterTesting"]),
        .executable(name: "redrafter", targets: ["RedrafterCLI"]),
    ],
    traits: [
        .trait(name: "Server", description: "The command `serve`: an HTTP server with OpenAI's API.")
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
        // Fetched only where the trait `Server` is on.
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.0", traits: []),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.0.0"),
    ],
    targets: [
        .target(name: "RedrafterPlatform", swiftSettings: swiftSettings),
        .target(name: "RedrafterCore", dependencies: ["RedrafterPlatform"], swiftSettings: swiftSettings),
        .target(
            name: "RedrafterFormats", dependencies: ["RedrafterPlatform", "RedrafterCore"],
            swiftSettings: swiftSettings),
        .target(
            name: "RedrafterTemplates",
            dependencies: ["RedrafterPlatform", "RedrafterCore", "RedrafterFormats"],
            swiftSettings: swiftSettings),
        .target(name: "CSharedLibrary", cSettings: cSettings),
        .target(name: "CCurl", dependencies: ["CSharedLibrary"], cSettings: cSettings),
        .target(
            name: "RedrafterHub",
            dependencies: ["CCurl", "RedrafterPlatform", "RedrafterCore", "RedrafterFormats"],
            swiftSettings: swiftSettings),
        .target(
            name: "RedrafterModels",
            dependencies: ["RedrafterPlatform", "RedrafterCore", "RedrafterFormats", "RedrafterTemplates"],
            swiftSettings: swiftSettings),
        .target(name: "RedrafterReport", dependencies: ["RedrafterCore"], swiftSettings: swiftSettings),
        .target(name: "COpenBLAS", dependencies: ["CSharedLibrary"], cSettings: cSettings),
        .target(
            name: "CKernels", path: "Plugins/Backends/CPU/CKernels",
            cSettings: cSettings),
        .target(
            name: "CPUBackend",
            dependencies: ["RedrafterPlatform", "RedrafterCore", "CKernels", "COpenBLAS"],
            path: "Plugins/Backends/CPU/CPUBackend", swiftSettings: swiftSettings),
        .target(
            name: "CVulkan", path: "Plugins/Backends/Vulkan/CVulkan", exclude: ["Shaders"],
            cSettings: cSettings),
        .target(
            name: "VulkanBackend", dependencies: ["RedrafterPlatform", "RedrafterCore", "CVulkan"],
            path: "Plugins/Backends/Vulkan/VulkanBackend", swiftSettings: swiftSettings),
        .target(
            name: "LookupDrafter", dependencies: ["RedrafterPlatform", "RedrafterCore"],
            path: "Plugins/Drafters/Lookup",
            swiftSettings: swiftSettings),
        .target(
            name: "DrafterHeads", dependencies: ["RedrafterPlatform", "RedrafterCore", "RedrafterFormats"],
            path: "Plugins/Drafters/Heads", exclude: ["Training"], swiftSettings: swiftSettings),
        .target(
            name: "RecurrentDrafter",
            dependencies: ["RedrafterPlatform", "RedrafterCore", "RedrafterFormats", "DrafterHeads"],
            path: "Plugins/Drafters/Recurrent", exclude: ["Training"], swiftSettings: swiftSettings),
        .target(
            name: "MedusaDrafter", dependencies: ["RedrafterCore", "RedrafterFormats", "DrafterHeads"],
            path: "Plugins/Drafters/Medusa", exclude: ["Training"], swiftSettings: swiftSettings),
        .target(name: "CTraining", cSettings: cSettings),
        .target(
            name: "RedrafterTraining",
            dependencies: [
                "RedrafterPlatform", "RedrafterCore", "RedrafterFormats", "RedrafterReport", "COpenBLAS",
                "CTraining",
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "HeadTraining", dependencies: ["RedrafterFormats", "RedrafterTraining", "DrafterHeads"],
            path: "Plugins/Drafters/Heads/Training", swiftSettings: swiftSettings),
        .target(
            name: "RecurrentTraining",
            dependencies: [
                "RedrafterCore", "RedrafterFormats", "RedrafterTraining", "DrafterHeads", "HeadTraining",
                "RecurrentDrafter",
            ],
            path: "Plugins/Drafters/Recurrent/Training", exclude: ["torch"], swiftSettings: swiftSettings),
        .target(
            name: "MedusaTraining",
            dependencies: [
                "RedrafterCore", "RedrafterFormats", "RedrafterTraining", "DrafterHeads", "HeadTraining",
                "MedusaDrafter",
            ],
            path: "Plugins/Drafters/Medusa/Training", swiftSettings: swiftSettings),
        .target(
            name: "CShippedDrafters", path: "Plugins/Drafters/Shipped/CShippedDrafters", exclude: ["Weights"],
            cSettings: cSettings),
        .target(
            name: "RedrafterDrafters",
            dependencies: ["RedrafterFormats", "CShippedDrafters", "RecurrentDrafter", "MedusaDrafter"],
            path: "Plugins/Drafters/Shipped/RedrafterDrafters", swiftSettings: swiftSettings),
        .target(
            name: "RedrafterTrainers",
            dependencies: ["RedrafterTraining", "RecurrentTraining", "MedusaTraining"],
            path: "Plugins/Drafters/Trainers", swiftSettings: swiftSettings),
        .target(
            name: "RedrafterTesting",
            dependencies: [
                "RedrafterPlatform", "RedrafterCore", "RedrafterFormats", "RedrafterModels",
                "RedrafterTraining",
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "Redrafter",
            dependencies: [
                "RedrafterCore", "RedrafterFormats", "RedrafterModels", "RedrafterReport", "CPUBackend",
                "VulkanBackend", "LookupDrafter", "RecurrentDrafter", "MedusaDrafter",
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "RedrafterServing",
            dependencies: ["RedrafterPlatform", "RedrafterCore", "RedrafterModels", "Redrafter"],
            swiftSettings: swiftSettings),
        .target(name: "CServerPage", exclude: ["page.html"], cSettings: cSettings),
        .target(
            name: "RedrafterServer",
            dependencies: [
                "RedrafterPlatform", "RedrafterCore", "RedrafterFormats", "RedrafterModels", "Redrafter",
                "RedrafterServing", .target(name: "CServerPage", condition: serving),
                .product(name: "HummingbirdCore", package: "hummingbird", condition: serving),
                .product(name: "HTTPTypes", package: "swift-http-types", condition: serving),
                .product(name: "Logging", package: "swift-log", condition: serving),
                .product(name: "NIOCore", package: "swift-nio", condition: serving),
                .product(name: "NIOHTTP1", package: "swift-nio", condition: serving),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras", condition: serving),
                .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras", condition: serving),
                .product(name: "NIOPosix", package: "swift-nio", condition: serving),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle", condition: serving),
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "RedrafterDistillation",
            dependencies: [
                "RedrafterPlatform", "RedrafterCore", "RedrafterFormats", "RedrafterModels", "Redrafter",
                "RedrafterTraining",
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "CBuildCommit",
            cSettings: cSettings + [.define("REDRAFTER_COMMIT", to: "\"\(commit)\"")]),
        .target(
            name: "RedrafterCommands",
            dependencies: [
                "CBuildCommit", "RedrafterPlatform", "RedrafterCore", "RedrafterFormats", "RedrafterModels",
                "RedrafterTemplates", "RedrafterHub", "RedrafterReport",
                "RedrafterTraining", "Redrafter", "RedrafterDrafters", "RedrafterTrainers",
                "RedrafterDistillation", "RedrafterServing", "RedrafterServer", "CPUBackend",
                "VulkanBackend", argumentParser,
            ],
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "RedrafterCLI", dependencies: ["RedrafterCommands"], swiftSettings: swiftSettings),
        .target(
            name: "BundledDrafters",
            dependencies: [
                "RedrafterCore", "RedrafterFormats", "RedrafterTesting", "RecurrentDrafter", "MedusaDrafter",
            ],
            path: "Tests/BundledDrafters", swiftSettings: swiftSettings),
        .testTarget(
            name: "RedrafterCoreTests",
            dependencies: ["RedrafterPlatform", "RedrafterCore", "RedrafterTesting"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "RedrafterFormatsTests",
            dependencies: [
                "RedrafterPlatform", "RedrafterFormats", "DrafterHeads", "RecurrentDrafter", "MedusaDrafter",
                "RedrafterTesting", "BundledDrafters",
            ],
            exclude: ["Fixtures"], swiftSettings: swiftSettings),
        .testTarget(
            name: "RedrafterTemplatesTests",
            dependencies: ["RedrafterTemplates", "RedrafterFormats", "RedrafterTesting"],
            exclude: ["Fixtures"], swiftSettings: swiftSettings),
        .testTarget(
            name: "RedrafterModelsTests",
            dependencies: ["RedrafterModels", "RedrafterTemplates", "RedrafterPlatform", "RedrafterTesting"],
            exclude: ["Fixtures"], swiftSettings: swiftSettings),
        .target(
            name: "HubServer", dependencies: ["RedrafterPlatform", "RedrafterFormats"],
            path: "Tests/HubServer",
            swiftSettings: swiftSettings),
        .testTarget(
            name: "RedrafterHubTests",
            dependencies: [
                "HubServer", "RedrafterHub", "RedrafterPlatform", "RedrafterFormats", "RedrafterTesting",
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "COpenBLASTests", dependencies: ["RedrafterPlatform", "COpenBLAS"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "CPUBackendTests", dependencies: ["CPUBackend", "RedrafterTesting"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "VulkanBackendTests",
            dependencies: ["VulkanBackend", "CVulkan", "CPUBackend", "RedrafterModels", "RedrafterTesting"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "RecurrentDrafterTests",
            dependencies: [
                "DrafterHeads", "RecurrentDrafter", "MedusaDrafter", "CPUBackend", "VulkanBackend",
                "RedrafterFormats", "RedrafterTesting", "BundledDrafters",
            ],
            exclude: ["Fixtures"], swiftSettings: swiftSettings),
        .testTarget(
            name: "RedrafterTrainingTests",
            dependencies: [
                "RedrafterPlatform", "RedrafterTraining", "DrafterHeads", "RecurrentTraining",
                "MedusaTraining", "RecurrentDrafter", "MedusaDrafter", "CPUBackend", "RedrafterReport",
                "RedrafterTesting",
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "LookupDrafterTests", dependencies: ["LookupDrafter", "RedrafterTesting"],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "RedrafterTests",
            dependencies: [
                "RedrafterPlatform", "Redrafter", "RedrafterServing", "RedrafterDrafters", "RecurrentDrafter",
                "MedusaDrafter", "CPUBackend", "VulkanBackend",
                "RedrafterTesting", "BundledDrafters",
            ],
            exclude: ["Fixtures"], swiftSettings: swiftSettings),
        .testTarget(
            name: "RedrafterDistillationTests",
            dependencies: [
                "RedrafterPlatform", "RedrafterDistillation", "RedrafterTraining", "RecurrentTraining",
                "MedusaTraining", "RecurrentDrafter", "RedrafterTesting", "BundledDrafters",
            ],
            swiftSettings: swiftSettings),
        .testTarget(
            name: "RedrafterCLITests",
            dependencies: [
                "RedrafterCLI", "MedusaDrafter", "BundledDrafters", "HubServer", "RedrafterHub",
                "RedrafterCommands",
                "RedrafterPlatform",
                "RedrafterCore",
                "RedrafterFormats", "RedrafterModels", "RedrafterTemplates",
                "Redrafter", "RedrafterTraining", "RedrafterDistillation", "RedrafterTesting", argumentParser,
            ],
            swiftSettings: swiftSettings),
    ],
    swiftLanguageModes: [.v6]
)
