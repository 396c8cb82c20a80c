// What the backend needs of Vulkan, with the loader opened at run time: one binary runs with and without Vulkan.
//
// Functions that can fail return 1, or a pointer, when they succeed and fill in `rdv_fault` when they do not; what they had
// made by then is freed. Every call of Vulkan that returns a VkResult is counted, and a test can have one of them fail.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

/// Which call failed, and how.
typedef struct {
    /// A VkResult, or one of the codes below, which no VkResult has.
    int32_t result;
    /// Name of the function of Vulkan, or what went wrong without one.
    const char *call;
} rdv_fault;

enum {
    /// There is no library of any of the loader's names.
    RDV_NO_LOADER = 70001,
    /// The library lacks functions that every loader has.
    RDV_BROKEN_LOADER = 70002,
    /// The device has no queue that computes, no memory of a kind that is needed, no timeline semaphores, or an older version
    /// than 1.2.
    RDV_UNUSABLE_DEVICE = 70003,
};

/// A failure to inject: the call of this number (from 1) gives this result and is not made. 0 for none.
typedef struct {
    uint64_t call;
    int32_t result;
    /// Has devices lack timeline semaphores.
    bool hides_timelines;
} rdv_injection;

typedef struct rdv_instance rdv_instance;
typedef struct rdv_device rdv_device;
typedef struct rdv_recorder rdv_recorder;

/// What a device says of itself.
typedef struct {
    char name[256];
    char driver[256];
    char driver_version[256];
    uint8_t uuid[16];
    /// A VkPhysicalDeviceType.
    uint32_t type;
    uint32_t api_version;
    /// Bytes of the largest heap of device memory.
    uint64_t heap_bytes;
    /// Largest single allocation.
    uint64_t allocation_bytes;
    VkPhysicalDeviceLimits limits;
    uint32_t subgroup_size;
    /// VkSubgroupFeatureFlags of compute shaders.
    uint32_t subgroup_operations;
    /// Alignment of a piece of a buffer, for all uses.
    uint32_t alignment;
    /// 1 where device memory can be mapped, coherently.
    uint32_t mapped;
} rdv_properties;

/// Opens the loader and an instance; NULL with a fault.
rdv_instance *rdv_instance_open(rdv_injection injection, rdv_fault *fault);
void rdv_instance_close(rdv_instance *instance);
/// Number of devices.
uint32_t rdv_device_count(const rdv_instance *instance);
void rdv_device_describe(rdv_instance *instance, uint32_t index, rdv_properties *properties);
/// Calls counted so far.
uint64_t rdv_call_count(const rdv_instance *instance);

/// Opens a device with one queue.
rdv_device *rdv_device_open(rdv_instance *instance, uint32_t index, rdv_fault *fault);
/// Waits until the device is idle, then frees it.
void rdv_device_close(rdv_device *device);

/// An allocation with one buffer over all of it.
typedef struct {
    VkDeviceMemory memory;
    VkBuffer buffer;
    /// NULL where the host cannot reach it.
    void *mapped;
    uint64_t bytes;
} rdv_block;

typedef enum {
    /// Memory of the device.
    RDV_DEVICE_MEMORY,
    /// Memory of the device that the host can write; as above where there is no such.
    RDV_MAPPED_MEMORY,
    /// Memory of the host.
    RDV_HOST_MEMORY,
} rdv_memory;

int rdv_block_make(rdv_device *device, uint64_t bytes, rdv_memory kind, rdv_block *block, rdv_fault *fault);
void rdv_block_free(rdv_device *device, rdv_block *block);

/// A view of a piece as texels of four words (`is_float`: of four floats).
int rdv_view_make(
    rdv_device *device, VkBuffer buffer, bool is_float, uint64_t offset, uint64_t bytes, VkBufferView *view,
    rdv_fault *fault);
void rdv_view_free(rdv_device *device, VkBufferView view);

/// A compute pipeline of a shader of this library (see `rdv_shader_words`) with values for its constants 0, 1, ….
int rdv_pipeline_make(
    rdv_device *device, const uint32_t *words, size_t bytes, const uint32_t *constants, uint32_t count,
    VkPipeline *pipeline, rdv_fault *fault);
void rdv_pipeline_free(rdv_device *device, VkPipeline pipeline);

/// Whether these bytes begin with the header that this device's driver gives its pipeline caches.
bool rdv_cache_is_own(rdv_device *device, const void *data, size_t bytes);
/// Has later pipelines be made with a cache that holds these bytes (of `rdv_cache_is_own`; none for an empty one). A device
/// goes without a cache where that fails. Once a device, before its pipelines.
void rdv_cache_open(rdv_device *device, const void *data, size_t bytes);
/// Bytes that the cache has; 0 where there is none or the driver does not say.
size_t rdv_cache_size(rdv_device *device);
/// Copies the cache; the bytes written, 0 where they do not fit or the driver does not give them.
size_t rdv_cache_read(rdv_device *device, void *data, size_t bytes);

/// Bindings 0…1 of every shader are texel buffers, 2…6 storage buffers.
enum { RDV_TEXEL_BINDINGS = 2, RDV_BINDINGS = 7, RDV_PUSH_BYTES = 96 };

/// One buffer of a dispatch; `view` for texel buffers, else a piece of a buffer.
typedef struct {
    uint32_t index;
    VkBufferView view;
    VkBuffer buffer;
    uint64_t offset;
    uint64_t bytes;
} rdv_binding;

/// Records commands and submits them; used from one thread. Several submissions can be in flight: each is recorded into a
/// segment of a ring, and a segment is used again once the device is done with it. The host waits at most `timeout` for that
/// and for an end (a fault with VK_TIMEOUT then).
rdv_recorder *rdv_recorder_make(rdv_device *device, uint64_t timeout_nanoseconds, rdv_fault *fault);
/// Waits for what is in flight, then frees; what was recorded and not submitted is forgotten. A lost device is done with all
/// that it was given. 0 where the end of what is in flight could not be waited for: nothing is freed then, and the device may
/// go on using it.
int rdv_recorder_free(rdv_recorder *recorder, rdv_fault *fault);
/// Later commands see what earlier ones wrote.
void rdv_barrier(rdv_recorder *recorder);
int rdv_dispatch(
    rdv_recorder *recorder, VkPipeline pipeline, const rdv_binding *bindings, uint32_t count, const void *push,
    uint32_t push_bytes, uint32_t x, uint32_t y, uint32_t z, rdv_fault *fault);
int rdv_copy(
    rdv_recorder *recorder, VkBuffer source, uint64_t from, VkBuffer target, uint64_t to, uint64_t bytes,
    rdv_fault *fault);
/// Submits what was recorded and does not wait. Later submissions of the queue see what this one wrote.
int rdv_flush(rdv_recorder *recorder, rdv_fault *fault);
/// Number of the last submission, from 1; 0 before the first.
uint64_t rdv_last_submission(const rdv_recorder *recorder);
/// Waits for the end of a submission and of those before it.
int rdv_wait(rdv_recorder *recorder, uint64_t submission, rdv_fault *fault);
/// Submits what was recorded and waits for the end of all submissions.
int rdv_run(rdv_recorder *recorder, rdv_fault *fault);

/// SPIR-V of a shader by its name; NULL when there is none.
const uint32_t *rdv_shader_words(const char *name, size_t *bytes);
/// The checksums of the sources that the SPIR-V was made from, as `make shaders` recorded them.
const char *rdv_shader_sources(size_t *bytes);

/// Slots of 128 bytes that a strip of 32 outputs takes, in the layout of `Shaders/layout.glsl`.
size_t rdv_strip_slots(uint32_t type, size_t columns);
/// Repacks `count` rows (at most 32) of a matrix as it lies in a file; `strip` holds `128 * rdv_strip_slots` bytes.
void rdv_pack_strip(
    uint32_t type, const uint8_t *rows, size_t count, size_t row_bytes, size_t columns, uint8_t *strip);
