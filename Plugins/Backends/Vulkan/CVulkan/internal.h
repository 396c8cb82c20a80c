// What the files of this target share.
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "CVulkan.h"

#define RDV_INSTANCE_FUNCTIONS(X)                                                                                      \
    X(DestroyInstance)                                                                                                 \
    X(EnumeratePhysicalDevices)                                                                                        \
    X(GetPhysicalDeviceProperties2)                                                                                    \
    X(GetPhysicalDeviceFeatures2)                                                                                      \
    X(GetPhysicalDeviceMemoryProperties)                                                                               \
    X(GetPhysicalDeviceQueueFamilyProperties)                                                                          \
    X(CreateDevice)                                                                                                    \
    X(GetDeviceProcAddr)

#define RDV_DEVICE_FUNCTIONS(X)                                                                                        \
    X(DestroyDevice)                                                                                                   \
    X(DeviceWaitIdle)                                                                                                  \
    X(GetDeviceQueue)                                                                                                  \
    X(QueueSubmit)                                                                                                     \
    X(CreateBuffer)                                                                                                    \
    X(DestroyBuffer)                                                                                                   \
    X(GetBufferMemoryRequirements)                                                                                     \
    X(AllocateMemory)                                                                                                  \
    X(FreeMemory)                                                                                                      \
    X(BindBufferMemory)                                                                                                \
    X(MapMemory)                                                                                                       \
    X(CreateBufferView)                                                                                                \
    X(DestroyBufferView)                                                                                               \
    X(CreateShaderModule)                                                                                              \
    X(DestroyShaderModule)                                                                                             \
    X(CreateDescriptorSetLayout)                                                                                       \
    X(DestroyDescriptorSetLayout)                                                                                      \
    X(CreatePipelineLayout)                                                                                            \
    X(DestroyPipelineLayout)                                                                                           \
    X(CreatePipelineCache)                                                                                             \
    X(DestroyPipelineCache)                                                                                            \
    X(GetPipelineCacheData)                                                                                            \
    X(CreateComputePipelines)                                                                                          \
    X(DestroyPipeline)                                                                                                 \
    X(CreateDescriptorPool)                                                                                            \
    X(DestroyDescriptorPool)                                                                                           \
    X(ResetDescriptorPool)                                                                                             \
    X(AllocateDescriptorSets)                                                                                          \
    X(UpdateDescriptorSets)                                                                                            \
    X(CreateCommandPool)                                                                                               \
    X(DestroyCommandPool)                                                                                              \
    X(ResetCommandPool)                                                                                                \
    X(AllocateCommandBuffers)                                                                                          \
    X(BeginCommandBuffer)                                                                                              \
    X(EndCommandBuffer)                                                                                                \
    X(CmdBindPipeline)                                                                                                 \
    X(CmdBindDescriptorSets)                                                                                           \
    X(CmdPushConstants)                                                                                                \
    X(CmdDispatch)                                                                                                     \
    X(CmdCopyBuffer)                                                                                                   \
    X(CmdPipelineBarrier)                                                                                              \
    X(CreateSemaphore)                                                                                                 \
    X(DestroySemaphore)                                                                                                \
    X(WaitSemaphores)

/// Held while drivers make and free instances, devices, pipelines and caches of pipelines: some keep state of the process
/// there that they do not guard.
extern pthread_mutex_t rdv_driver_lock;

#define RDV_DECLARE(name) PFN_vk##name name;

enum { RDV_MAXIMUM_DEVICES = 32 };

struct rdv_instance {
    void *library;
    VkInstance handle;
    PFN_vkGetInstanceProcAddr GetInstanceProcAddr;
    RDV_INSTANCE_FUNCTIONS(RDV_DECLARE)
    VkPhysicalDevice devices[RDV_MAXIMUM_DEVICES];
    uint32_t device_count;
    atomic_uint_least64_t calls;
    rdv_injection injection;
};

struct rdv_device {
    rdv_instance *instance;
    VkPhysicalDevice physical;
    VkDevice handle;
    VkQueue queue;
    uint32_t family;
    /// Types of memory, by rdv_memory.
    uint32_t memory_types[3];
    /// Held while the queue takes work: it serves one thread at a time.
    atomic_flag queue_lock;
    VkDescriptorSetLayout set_layout;
    VkPipelineLayout layout;
    /// VK_NULL_HANDLE where there is none.
    VkPipelineCache cache;
    RDV_DEVICE_FUNCTIONS(RDV_DECLARE)
};

/// Counts a call; true, with the result, where it is the one to fail.
static inline bool rdv_is_injected(rdv_instance *instance, VkResult *result) {
    if (atomic_fetch_add(&instance->calls, 1) + 1 != instance->injection.call) return false;
    *result = (VkResult)instance->injection.result;
    return true;
}

static inline int rdv_fail(rdv_fault *fault, int32_t result, const char *call) {
    fault->result = result;
    fault->call = call;
    return 0;
}

/// 1 when the call of Vulkan succeeds; else 0 with the fault filled in. `owner` has the function's pointer.
#define RDV_CALL(instance, owner, fault, name, ...)                                                                    \
    ({                                                                                                                 \
        VkResult rdv_result;                                                                                           \
        if (!rdv_is_injected(instance, &rdv_result)) rdv_result = (owner)->name(__VA_ARGS__);                          \
        rdv_result == VK_SUCCESS ? 1 : rdv_fail(fault, rdv_result, "vk" #name);                                        \
    })
