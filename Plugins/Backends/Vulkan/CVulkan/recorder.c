// Commands recorded one after the other and run in one submission.
#include <sched.h>
#include <stdlib.h>

#include "internal.h"

enum { SETS_IN_POOL = 512 };

struct rdv_recorder {
    rdv_device *device;
    VkCommandPool pool;
    VkCommandBuffer commands;
    VkFence fence;
    VkDescriptorPool *sets;
    uint32_t set_pools;
    /// Sets given out since the last run.
    uint32_t used_sets;
    bool is_recording;
    /// The device may still be at work on what was submitted.
    bool is_abandoned;
};

rdv_recorder *rdv_recorder_make(rdv_device *device, rdv_fault *fault) {
    rdv_recorder *recorder = calloc(1, sizeof *recorder);
    if (!recorder) {
        rdv_fail(fault, VK_ERROR_OUT_OF_HOST_MEMORY, "calloc");
        return NULL;
    }
    recorder->device = device;
    rdv_instance *instance = device->instance;
    const VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
        .queueFamilyIndex = device->family,
    };
    const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
    if (RDV_CALL(instance, device, fault, CreateCommandPool, device->handle, &pool, NULL, &recorder->pool)
        && RDV_CALL(instance, device, fault, CreateFence, device->handle, &fence, NULL, &recorder->fence)) {
        const VkCommandBufferAllocateInfo buffer = {
            .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
            .commandPool = recorder->pool,
            .commandBufferCount = 1,
        };
        if (RDV_CALL(instance, device, fault, AllocateCommandBuffers, device->handle, &buffer, &recorder->commands))
            return recorder;
    }
    rdv_recorder_free(recorder);
    return NULL;
}

void rdv_recorder_free(rdv_recorder *recorder) {
    rdv_device *device = recorder->device;
    if (recorder->is_abandoned) device->DeviceWaitIdle(device->handle);
    for (uint32_t i = 0; i < recorder->set_pools; i++)
        device->DestroyDescriptorPool(device->handle, recorder->sets[i], NULL);
    free(recorder->sets);
    if (recorder->fence) device->DestroyFence(device->handle, recorder->fence, NULL);
    if (recorder->pool) device->DestroyCommandPool(device->handle, recorder->pool, NULL);
    free(recorder);
}

static int begin(rdv_recorder *recorder, rdv_fault *fault) {
    if (recorder->is_recording) return 1;
    const VkCommandBufferBeginInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
    };
    rdv_device *device = recorder->device;
    if (!RDV_CALL(device->instance, device, fault, BeginCommandBuffer, recorder->commands, &info)) return 0;
    recorder->is_recording = true;
    return 1;
}

static int add_pool(rdv_recorder *recorder, rdv_fault *fault) {
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
    VkDescriptorPool *grown = realloc(recorder->sets, (recorder->set_pools + 1) * sizeof *grown);
    if (!grown) return rdv_fail(fault, VK_ERROR_OUT_OF_HOST_MEMORY, "realloc");
    recorder->sets = grown;
    rdv_device *device = recorder->device;
    if (!RDV_CALL(device->instance, device, fault, CreateDescriptorPool, device->handle, &info, NULL,
                  &grown[recorder->set_pools]))
        return 0;
    recorder->set_pools++;
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
    recorder->device->CmdPipelineBarrier(recorder->commands, stages, stages, 0, 1, &barrier, 0, NULL, 0, NULL);
}

int rdv_dispatch(
    rdv_recorder *recorder, VkPipeline pipeline, const rdv_binding *bindings, uint32_t count, const void *push,
    uint32_t push_bytes, uint32_t x, uint32_t y, uint32_t z, rdv_fault *fault) {
    rdv_device *device = recorder->device;
    if (!begin(recorder, fault)) return 0;
    const uint32_t pool = recorder->used_sets / SETS_IN_POOL;
    if (pool == recorder->set_pools && !add_pool(recorder, fault)) return 0;
    const VkDescriptorSetAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = recorder->sets[pool],
        .descriptorSetCount = 1,
        .pSetLayouts = &device->set_layout,
    };
    VkDescriptorSet set;
    if (!RDV_CALL(device->instance, device, fault, AllocateDescriptorSets, device->handle, &info, &set)) return 0;
    recorder->used_sets++;
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
    device->CmdBindPipeline(recorder->commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
    device->CmdBindDescriptorSets(
        recorder->commands, VK_PIPELINE_BIND_POINT_COMPUTE, device->layout, 0, 1, &set, 0, NULL);
    if (push_bytes > 0)
        device->CmdPushConstants(
            recorder->commands, device->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, push_bytes, push);
    device->CmdDispatch(recorder->commands, x, y, z);
    return 1;
}

int rdv_copy(
    rdv_recorder *recorder, VkBuffer source, uint64_t from, VkBuffer target, uint64_t to, uint64_t bytes,
    rdv_fault *fault) {
    if (!begin(recorder, fault)) return 0;
    const VkBufferCopy region = {.srcOffset = from, .dstOffset = to, .size = bytes};
    recorder->device->CmdCopyBuffer(recorder->commands, source, target, 1, &region);
    return 1;
}

static int submit(rdv_recorder *recorder, rdv_fault *fault) {
    rdv_device *device = recorder->device;
    // What the device wrote is to be seen by the host.
    const VkMemoryBarrier barrier = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
        .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT | VK_ACCESS_TRANSFER_WRITE_BIT,
        .dstAccessMask = VK_ACCESS_HOST_READ_BIT,
    };
    device->CmdPipelineBarrier(
        recorder->commands, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT | VK_PIPELINE_STAGE_TRANSFER_BIT,
        VK_PIPELINE_STAGE_HOST_BIT, 0, 1, &barrier, 0, NULL, 0, NULL);
    recorder->is_recording = false;
    if (!RDV_CALL(device->instance, device, fault, EndCommandBuffer, recorder->commands)) return 0;
    const VkSubmitInfo info = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO, .commandBufferCount = 1, .pCommandBuffers = &recorder->commands};
    while (atomic_flag_test_and_set(&device->queue_lock)) sched_yield();
    const int is_submitted =
        RDV_CALL(device->instance, device, fault, QueueSubmit, device->queue, 1, &info, recorder->fence);
    atomic_flag_clear(&device->queue_lock);
    return is_submitted;
}

int rdv_run(rdv_recorder *recorder, uint64_t timeout_nanoseconds, rdv_fault *fault) {
    rdv_device *device = recorder->device;
    rdv_instance *instance = device->instance;
    if (recorder->is_abandoned) return rdv_fail(fault, VK_ERROR_DEVICE_LOST, "vkWaitForFences");
    if (!recorder->is_recording) return 1;
    if (!submit(recorder, fault)) return 0;
    recorder->is_abandoned = true;
    if (!RDV_CALL(instance, device, fault, WaitForFences, device->handle, 1, &recorder->fence, VK_TRUE,
                  timeout_nanoseconds))
        return 0;
    recorder->is_abandoned = false;
    if (!RDV_CALL(instance, device, fault, ResetFences, device->handle, 1, &recorder->fence)
        || !RDV_CALL(instance, device, fault, ResetCommandPool, device->handle, recorder->pool, 0))
        return 0;
    for (uint32_t i = 0; i < recorder->set_pools && i * SETS_IN_POOL < recorder->used_sets; i++)
        if (!RDV_CALL(instance, device, fault, ResetDescriptorPool, device->handle, recorder->sets[i], 0)) return 0;
    recorder->used_sets = 0;
    return 1;
}
