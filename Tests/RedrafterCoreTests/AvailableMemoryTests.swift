import RedrafterCore
import Testing

@testable import RedrafterPlatform

@Suite struct AvailableMemoryTests {
    @Test("What is available lies between nothing and the machine")
    func plausible() throws {
        #expect(AvailableMemory.bytes() > 1 << 20)
        try AvailableMemory.require(CheckedSize(1), for: "a byte")
        #expect(throws: BackendError.self) {
            try AvailableMemory.require(CheckedSize(Int.max), for: "everything")
        }
        #expect(throws: BackendError.self) {
            try AvailableMemory.require(CheckedSize(Int.max) * 2, for: "more than everything")
        }
    }

    @Test("The tightest control group on the way to the root counts, without its file pages")
    func controlGroups() {
        let files = [
            "/proc/self/cgroup": "0::/user/job\n",
            "/sys/fs/cgroup/user/job/memory.max": "max\n", "/sys/fs/cgroup/user/job/memory.current": "5000\n",
            "/sys/fs/cgroup/user/memory.max": "9000\n", "/sys/fs/cgroup/user/memory.current": "8000\n",
            "/sys/fs/cgroup/user/memory.stat": "anon 3000\nactive_file 1500\ninactive_file 2500\n",
        ]
        #expect(SystemFiles { files[$0] }.controlGroupBytes == 9000 - (8000 - 4000))
        let old = [
            "/proc/self/cgroup": "5:cpu,cpuacct:/x\n3:memory:/job\n",
            "/sys/fs/cgroup/memory/job/memory.limit_in_bytes": "100\n",
            "/sys/fs/cgroup/memory/job/memory.usage_in_bytes": "400\n",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes": "400\n",
        ]
        #expect(SystemFiles { old[$0] }.controlGroupBytes == 0)
        #expect(SystemFiles { _ in nil }.controlGroupBytes == nil)
    }

    @Test("The machine's memory is read in KiB")
    func machine() {
        let text = "MemTotal:       100 kB\nMemFree:         10 kB\nMemAvailable:    50 kB\n"
        #expect(SystemFiles { $0 == "/proc/meminfo" ? text : nil }.machineBytes == 51_200)
        #expect(SystemFiles { _ in "garbage" }.machineBytes == nil)
    }

    @Test("Sizes are shown in MiB, from a GiB on with one decimal")
    func sizes() {
        let error = BackendError.outOfMemory(
            needed: 8_482_560_410, available: 3_435_973_837, purpose: "the model")
        #expect(error.description == "not enough memory for the model: needs 7.9 GiB, available 3.2 GiB")
        let small = BackendError.outOfMemory(needed: 1_048_577, available: 0, purpose: "the model")
        #expect(small.description == "not enough memory for the model: needs 2 MiB, available 0 MiB")
    }
}
