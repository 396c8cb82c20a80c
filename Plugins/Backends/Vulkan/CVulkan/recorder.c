// Commands recorded one after the other and run in submissions, of which several can be in flight.
//
//     segments     [ 0 ][ 1 ][ 2 ][ 3 ]     each: commands, sets, the value that ends its submission
//     timeline      5    6    3    4        the device has reached 4: segment 2 is free, 0 and 1 are in flight
#include <sched.h>
#include <stdlib.h>

#include "internal.h"

enum { SETS_IN_POOL = 128, SEGMENTS = 4 };

/// What one submission is recorded into.
typedef struct {
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkDescriptorPool *sets;
    uint32_t set_pools;
    /// Sets given out since the last use.
    uint32_t used_sets;
    /// Value of the timeline at the end of its submission; 0 before the first.
    uint64_t value;
} rdv_segment;

struct rdv_recorder {
    rdv_device *device;
    uint64_t timeout;
    /// Counts submissions whose work has ended.
    VkSemaphore timeline;
    rdv_segment segments[SEGMENTS];
    /// The segment that is recorded into, now or next.
    uint32_t current;
    bool is_recording;
    /// Submissions so far.
    uint64_t submitted;
    /// A value that the timeline is known to have reached.
    uint64_t ended;
    /// A wait failed: the device may still be at work on what was submitted.
    bool is_abandoned;
};

static void free_segments(rdv_recorder *recorder) {
    rdv_device *device = recorder->device;
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        rdv_segment *segment = &recorder->segments[i];
        for (uint32_t pool = 0; pool < segment->set_pools; pool++)
            device->DestroyDescriptorPool(device->handle, segment->sets[pool], NULL);
        free(segment->sets);
        if (segment->pool) device->DestroyCommandPool(device->handle, segment->pool, NULL);
    }
}

rdv_recorder *rdv_recorder_make(rdv_device *device, uint64_t timeout_nanoseconds, rdv_fault *fault) {
    rdv_recorder *recorder = calloc(1, sizeof *recorder);
    if (!recorder) {
        rdv_fail(fault, VK_ERROR_OUT_OF_HOST_MEMORY, "calloc");
        return NULL;
    }
    recorder->device = device;
    recorder->timeout = timeout_nanoseconds;
    const VkSemaphoreTypeCreateInfo type = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO, .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE};
    const VkSemaphoreCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &type};
    if (RDV_CALL(device->instance, device, fault, CreateSemaphore, device->handle, &info, NULL, &recorder->timeline))
        return recorder;
    free(recorder);
    return NULL;
}

/// Waits until the timeline has a value.
static int wait_for(rdv_recorder *recorder, uint64_t value, rdv_fault *fault) {
    if (value <= recorder->ended) return 1;
    rdv_device *device = recorder->device;
    const VkSemaphoreWaitInfo info = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
        .semaphoreCount = 1,
        .pSemaphores = &recorder->timeline,
        .pValues = &value,
    };
    if (!RDV_CALL(device->instance, device, fault, WaitSemaphores, device->handle, &info, recorder->timeout)) return 0;
    recorder->ended = value;
    return 1;
}

int rdv_recorder_free(rdv_recorder *recorder, rdv_fault *fault) {
    if (!wait_for(recorder, recorder->submitted, fault) && fault->result != VK_ERROR_DEVICE_LOST) return 0;
    free_segments(recorder);
    recorder->device->DestroySemaphore(recorder->device->handle, recorder->timeline, NULL);
    free(recorder);
    return 1;
}

static int make_segment(rdv_recorder *recorder, rdv_segment *segment, rdv_fault *fault) {
    rdv_device *device = recorder->device;
    const VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
        .queueFamilyIndex = device->family,
    };
    if (!RDV_CALL(device->instance, device, fault, CreateCommandPool, device->handle, &pool, NULL, &segment->pool))
        return 0;
    const VkCommandBufferAllocateInfo buffer = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = segment->pool,
        .commandBufferCount = 1,
    };
    return RDV_CALL(
        device->instance, device, fault, AllocateCommandBuffers, device->handle, &buffer, &segment->commands);
}

/// Takes back what the segment gave out for its last submission, once that has ended.
static int clear_segment(rdv_recorder *recorder, rdv_segment *segment, rdv_fault *fault) {
    rdv_device *device = recorder->device;
    rdv_instance *instance = device->instance;
    if (!rdv_wait(recorder, segment->value, fault)
        || !RDV_CALL(instance, device, fault, ResetCommandPool, device->handle, segment->pool, 0))
        return 0;
    for (uint32_t i = 0; i < segment->set_pools && i * SETS_IN_POOL < segment->used_sets; i++)
        if (!RDV_CALL(instance, device, fault, ResetDescriptorPool, device->handle, segment->sets[i], 0)) return 0;
    segment->used_sets = 0;
    return 1;
}

/// The segment to record into, begun where nothing is recorded yet; NULL with a fault.
static rdv_segment *begin(rdv_recorder *recorder, rdv_fault *fault) {
    rdv_segment *segment = &recorder->segments[recorder->current];
    if (recorder->is_recording) return segment;
    if (!(segment->value ? clear_segment(recorder, segment, fault) : make_segment(recorder, segment, fault)))
        return NULL;
    const VkCommandBufferBeginInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
    };
    rdv_device *device = recorder->device;
    if (!RDV_CALL(device->instance, device, fault, BeginCommandBuffer, segment->commands, &info)) return NULL;
    recorder->is_recording = true;
    // Orders it after all that the queue took before.
    rdv_barrier(recorder);
    return segment;
}

static int add_pool(rdv_device *device, rdv_segment *segment, rdv_fault *fault) {
    const VkDescriptorPoolSize sizes[] = {
        {VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER, SETS_IN_POOL * RDV_TEXEL_BINDINGS},
        {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, SETS_IN_POOL * (RDV_BINDINGS - RDV_TEXEL_BINDINGS)},
    };
    const VkDescriptorPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = SETS_IN_POOL,
        .poolSizeCount = 2,
        .pPoolSizes = sizes,
    };
    VkDescriptorPool *grown = realloc(segment->sets, (segment->set_pools + 1) * sizeof *grown);
    if (!grown) return rdv_fail(fault, VK_ERROR_OUT_OF_HOST_MEMORY, "realloc");
    segment->sets = grown;
    if (!RDV_CALL(device->instance, device, fault, CreateDescriptorPool, device->handle, &info, NULL,
                  &grown[segment->set_pools]))
        return 0;
    segment->set_pools++;
    return 1;
}

void rdv_barrier(rdv_recorder *recorder) {
    if (!recorder->is_recording) return;
    const VkPipelineStageFlags stages =
        VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT;
    const VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_READ_BIT
            | VK_ACCESS_TRANSFER_WRITE_BIT,
    };
    recorder->device->CmdPipelineBarrier(
        recorder->segments[recorder->current].commands, stages, stages, 0, 1, &barrier, 0, NULL, 0, NULL);
}

int rdv_dispatch(
    rdv_recorder *recorder, VkPipeline pipeline, const rdv_binding *bindings, uint32_t count, const void *push,
    uint32_t push_bytes, uint32_t x, uint32_t y, uint32_t z, rdv_fault *fault) {
    rdv_device *device = recorder->device;
    rdv_segment *segment = begin(recorder, fault);
    if (!segment) return 0;
    const uint32_t pool = segment->used_sets / SETS_IN_POOL;
    if (pool == segment->set_pools && !add_pool(device, segment, fault)) return 0;
    const VkDescriptorSetAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = segment->sets[pool],
        .descriptorSetCount = 1,
        .pSetLayouts = &device->set_layout,
    };
    VkDescriptorSet set;
    if (!RDV_CALL(device->instance, device, fault, AllocateDescriptorSets, device->handle, &info, &set)) return 0;
    segment->used_sets++;
    VkDescriptorBufferInfo buffers[RDV_BINDINGS];
    VkWriteDescriptorSet writes[RDV_BINDINGS];
    for (uint32_t i = 0; i < count; i++) {
        buffers[i] = (VkDescriptorBufferInfo){bindings[i].buffer, bindings[i].offset, bindings[i].bytes};
        const bool is_texel = bindings[i].index < RDV_TEXEL_BINDINGS;
        writes[i] = (VkWriteDescriptorSet){
            .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
            .dstSet = set,
            .dstBinding = bindings[i].index,
            .descriptorCount = 1,
            .descriptorType =
                is_texel ? VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .pBufferInfo = is_texel ? NULL : &buffers[i],
            .pTexelBufferView = is_texel ? &bindings[i].view : NULL,
        };
    }
    device->UpdateDescriptorSets(device->handle, count, writes, 0, NULL);
    device->CmdBindPipeline(segment->commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    device->CmdBindDescriptorSets(
        segment->commands, VK_PIPELINE_BIND_POINT_COMPUTE, device->layout, 0, 1, &set, 0, NULL);
    if (push_bytes > 0)
        device->CmdPushConstants(
            segment->commands, device->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, push_bytes, push);
    device->CmdDispatch(segment->commands, x, y, z);
    return 1;
}

int rdv_copy(
    rdv_recorder *recorder, VkBuffer source, uint64_t from, VkBuffer target, uint64_t to, uint64_t bytes,
    rdv_fault *fault) {
    rdv_segment *segment = begin(recorder, fault);
    if (!segment) return 0;
    const VkBufferCopy region = {.srcOffset = from, .dstOffset = to, .size = bytes};
    recorder->device->CmdCopyBuffer(segment->commands, source, target, 1, &region);
    return 1;
}

int rdv_flush(rdv_recorder *recorder, rdv_fault *fault) {
    if (!recorder->is_recording) return 1;
    rdv_device *device = recorder->device;
    rdv_segment *segment = &recorder->segments[recorder->current];
    // What the device wrote is to be seen by the host.
    const VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_HOST_READ_BIT,
    };
    device->CmdPipelineBarrier(
        segment->commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
        VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0, NULL, 0, NULL);
    recorder->is_recording = false;
    if (!RDV_CALL(device->instance, device, fault, EndCommandBuffer, segment->commands)) return 0;
    const uint64_t value = recorder->submitted + 1;
    const VkTimelineSemaphoreSubmitInfo timeline = {
        .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
        .signalSemaphoreValueCount = 1,
        .pSignalSemaphoreValues = &value,
    };
    const VkSubmitInfo info = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .pNext = &timeline,
        .commandBufferCount = 1,
        .pCommandBuffers = &segment->commands,
        .signalSemaphoreCount = 1,
        .pSignalSemaphores = &recorder->timeline,
    };
    while (atomic_flag_test_and_set(&device->queue_lock)) sched_yield();
    const int is_submitted =
        RDV_CALL(device->instance, device, fault, QueueSubmit, device->queue, 1, &info, VK_NULL_HANDLE);
    atomic_flag_clear(&device->queue_lock);
    if (!is_submitted) return 0;
    recorder->submitted = segment->value = value;
    recorder->current = (recorder->current + 1) % SEGMENTS;
    return 1;
}

uint64_t rdv_last_submission(const rdv_recorder *recorder) { return recorder->submitted; }

int rdv_wait(rdv_recorder *recorder, uint64_t submission, rdv_fault *fault) {
    if (recorder->is_abandoned) return rdv_fail(fault, VK_ERROR_DEVICE_LOST, "vkWaitSemaphores");
    if (wait_for(recorder, submission, fault)) return 1;
    recorder->is_abandoned = true;
    return 0;
}

int rdv_run(rdv_recorder *recorder, rdv_fault *fault) {
    return rdv_flush(recorder, fault) && rdv_wait(recorder, recorder->submitted, fault);
}
