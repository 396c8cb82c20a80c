// A device, its memory and its pipelines.
#include <stdlib.h>

#include "internal.h"

static int load_functions(rdv_device *device, rdv_fault *fault) {
#define RDV_LOAD(name)                                                                                                 \
    device->name = (PFN_vk##name)device->instance->GetDeviceProcAddr(device->handle, "vk" #name);                      \
    if (!device->name) return rdv_fail(fault, RDV_BROKEN_LOADER, "vk" #name);
    RDV_DEVICE_FUNCTIONS(RDV_LOAD)
    return 1;
}

static int find_queue(rdv_device *device, rdv_fault *fault) {
    VkQueueFamilyProperties families[32];
    uint32_t count = 32;
    device->instance->GetPhysicalDeviceQueueFamilyProperties(device->physical, &count, families);
    for (uint32_t i = 0; i < count; i++)
        if (families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) {
            device->family = i;
            return 1;
        }
    return rdv_fail(fault, RDV_UNUSABLE_DEVICE, "it has no queue that computes");
}

/// The first type of memory that has all flags; with a heap as large as `minimum` where the flags are of the device.
static bool find_memory(rdv_device *device, VkMemoryPropertyFlags flags, uint64_t minimum, uint32_t *type) {
    VkPhysicalDeviceMemoryProperties memory;
    device->instance->GetPhysicalDeviceMemoryProperties(device->physical, &memory);
    for (uint32_t i = 0; i < memory.memoryTypeCount; i++)
        if ((memory.memoryTypes[i].propertyFlags & flags) == flags
            && memory.memoryHeaps[memory.memoryTypes[i].heapIndex].size >= minimum) {
            *type = i;
            return true;
        }
    return false;
}

static int find_memories(rdv_device *device, uint32_t index, rdv_fault *fault) {
    rdv_properties properties;
    rdv_device_describe(device->instance, index, &properties);
    if (properties.api_version < VK_API_VERSION_1_2)
        return rdv_fail(fault, RDV_UNUSABLE_DEVICE, "its Vulkan is older than 1.2");
    const VkMemoryPropertyFlags local = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
                                host = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
                                cached = VK_MEMORY_PROPERTY_HOST_CACHED_BIT;
    const uint64_t heap = properties.heap_bytes;
    uint32_t *types = device->memory_types;
    const bool has_memory = find_memory(device, local, heap, &types[RDV_DEVICE_MEMORY]);
    if (!find_memory(device, local | host | cached, heap, &types[RDV_MAPPED_MEMORY])
        && !find_memory(device, local | host, heap, &types[RDV_MAPPED_MEMORY]))
        types[RDV_MAPPED_MEMORY] = types[RDV_DEVICE_MEMORY];
    const bool has_host = find_memory(device, host | cached, 0, &types[RDV_HOST_MEMORY])
        || find_memory(device, host, 0, &types[RDV_HOST_MEMORY]);
    return has_memory && has_host
        ? 1
        : rdv_fail(fault, RDV_UNUSABLE_DEVICE, "it has no memory of a kind that is needed");
}

static int create_device(rdv_device *device, rdv_fault *fault) {
    rdv_instance *instance = device->instance;
    VkPhysicalDeviceTimelineSemaphoreFeatures timeline = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES};
    VkPhysicalDeviceFeatures2 features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &timeline};
    instance->GetPhysicalDeviceFeatures2(device->physical, &features);
    if (!timeline.timelineSemaphore || instance->injection.hides_timelines)
        return rdv_fail(fault, RDV_UNUSABLE_DEVICE, "it has no timeline semaphores");
    timeline = (VkPhysicalDeviceTimelineSemaphoreFeatures){
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_TIMELINE_SEMAPHORE_FEATURES, .timelineSemaphore = VK_TRUE};
    const float priority = 1;
    const VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = device->family,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    const VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = &timeline,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
    };
    return RDV_CALL(instance, instance, fault, CreateDevice, device->physical, &info, NULL, &device->handle);
}

static int create_layouts(rdv_device *device, rdv_fault *fault) {
    VkDescriptorSetLayoutBinding bindings[RDV_BINDINGS];
    for (uint32_t i = 0; i < RDV_BINDINGS; i++)
        bindings[i] = (VkDescriptorSetLayoutBinding){
            .binding = i,
            .descriptorType = i < RDV_TEXEL_BINDINGS ? VK_DESCRIPTOR_TYPE_UNIFORM_TEXEL_BUFFER
                                                     : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
    const VkDescriptorSetLayoutCreateInfo set = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .bindingCount = RDV_BINDINGS,
        .pBindings = bindings,
    };
    if (!RDV_CALL(device->instance, device, fault, CreateDescriptorSetLayout, device->handle, &set, NULL,
                  &device->set_layout))
        return 0;
    const VkPushConstantRange push = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT, .size = RDV_PUSH_BYTES};
    const VkPipelineLayoutCreateInfo layout = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &device->set_layout,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &push,
    };
    return RDV_CALL(
        device->instance, device, fault, CreatePipelineLayout, device->handle, &layout, NULL, &device->layout);
}

static void close_device(rdv_device *device) {
    if (device->handle && device->DestroyDevice) {
        if (device->DeviceWaitIdle) device->DeviceWaitIdle(device->handle);
        if (device->cache) device->DestroyPipelineCache(device->handle, device->cache, NULL);
        if (device->layout) device->DestroyPipelineLayout(device->handle, device->layout, NULL);
        if (device->set_layout) device->DestroyDescriptorSetLayout(device->handle, device->set_layout, NULL);
        device->DestroyDevice(device->handle, NULL);
    }
    free(device);
}

static rdv_device *open_device(rdv_instance *instance, uint32_t index, rdv_fault *fault) {
    rdv_device *device = calloc(1, sizeof *device);
    if (!device) {
        rdv_fail(fault, VK_ERROR_OUT_OF_HOST_MEMORY, "calloc");
        return NULL;
    }
    device->instance = instance;
    device->physical = instance->devices[index];
    atomic_flag_clear(&device->queue_lock);
    if (find_queue(device, fault) && find_memories(device, index, fault) && create_device(device, fault)
        && load_functions(device, fault)) {
        device->GetDeviceQueue(device->handle, device->family, 0, &device->queue);
        if (create_layouts(device, fault)) return device;
    }
    close_device(device);
    return NULL;
}

rdv_device *rdv_device_open(rdv_instance *instance, uint32_t index, rdv_fault *fault) {
    pthread_mutex_lock(&rdv_driver_lock);
    rdv_device *device = open_device(instance, index, fault);
    pthread_mutex_unlock(&rdv_driver_lock);
    return device;
}

void rdv_device_close(rdv_device *device) {
    pthread_mutex_lock(&rdv_driver_lock);
    close_device(device);
    pthread_mutex_unlock(&rdv_driver_lock);
}

int rdv_block_make(rdv_device *device, uint64_t bytes, rdv_memory kind, rdv_block *block, rdv_fault *fault) {
    *block = (rdv_block){.bytes = bytes};
    rdv_instance *instance = device->instance;
    const VkBufferUsageFlags copies = VK_BUFFER_USAGE_TRANSFER_SRC_BIT | VK_BUFFER_USAGE_TRANSFER_DST_BIT;
    const VkBufferCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
        .size = bytes,
        .usage = copies | VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_UNIFORM_TEXEL_BUFFER_BIT,
    };
    const uint32_t type = device->memory_types[kind];
    VkPhysicalDeviceMemoryProperties memory;
    instance->GetPhysicalDeviceMemoryProperties(device->physical, &memory);
    const bool is_mapped = (memory.memoryTypes[type].propertyFlags & VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT) != 0;
    VkMemoryRequirements needs;
    if (RDV_CALL(instance, device, fault, CreateBuffer, device->handle, &info, NULL, &block->buffer)) {
        device->GetBufferMemoryRequirements(device->handle, block->buffer, &needs);
        const VkMemoryAllocateInfo allocation = {
            .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
            .allocationSize = needs.size,
            .memoryTypeIndex = type,
        };
        if (!(needs.memoryTypeBits & 1u << type))
            rdv_fail(fault, RDV_UNUSABLE_DEVICE, "its buffers cannot lie in its memory");
        else if (
            RDV_CALL(instance, device, fault, AllocateMemory, device->handle, &allocation, NULL, &block->memory)
            && RDV_CALL(instance, device, fault, BindBufferMemory, device->handle, block->buffer, block->memory, 0)
            && (!is_mapped
                || RDV_CALL(
                    instance, device, fault, MapMemory, device->handle, block->memory, 0, VK_WHOLE_SIZE, 0,
                    &block->mapped)))
            return 1;
    }
    rdv_block_free(device, block);
    return 0;
}

void rdv_block_free(rdv_device *device, rdv_block *block) {
    if (block->buffer) device->DestroyBuffer(device->handle, block->buffer, NULL);
    if (block->memory) device->FreeMemory(device->handle, block->memory, NULL);
    *block = (rdv_block){0};
}

int rdv_view_make(
    rdv_device *device, VkBuffer buffer, bool is_float, uint64_t offset, uint64_t bytes, VkBufferView *view,
    rdv_fault *fault) {
    *view = VK_NULL_HANDLE;
    const VkBufferViewCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_BUFFER_VIEW_CREATE_INFO,
        .buffer = buffer,
        .format = is_float ? VK_FORMAT_R32G32B32A32_SFLOAT : VK_FORMAT_R32G32B32A32_UINT,
        .offset = offset,
        .range = bytes,
    };
    return RDV_CALL(device->instance, device, fault, CreateBufferView, device->handle, &info, NULL, view);
}

void rdv_view_free(rdv_device *device, VkBufferView view) {
    device->DestroyBufferView(device->handle, view, NULL);
}

int rdv_pipeline_make(
    rdv_device *device, const uint32_t *words, size_t bytes, const uint32_t *constants, uint32_t count,
    VkPipeline *pipeline, rdv_fault *fault) {
    *pipeline = VK_NULL_HANDLE;
    VkSpecializationMapEntry entries[16];
    if (count > 16) return rdv_fail(fault, VK_ERROR_UNKNOWN, "more than 16 constants");
    for (uint32_t i = 0; i < count; i++)
        entries[i] = (VkSpecializationMapEntry){.constantID = i, .offset = 4 * i, .size = 4};
    const VkSpecializationInfo specialization = {
        .mapEntryCount = count, .pMapEntries = entries, .dataSize = 4 * count, .pData = constants};
    const VkShaderModuleCreateInfo code = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO, .codeSize = bytes, .pCode = words};
    VkShaderModule module = VK_NULL_HANDLE;
    if (!RDV_CALL(device->instance, device, fault, CreateShaderModule, device->handle, &code, NULL, &module))
        return 0;
    const VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .stage =
            {
                .sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = module,
                .pName = "main",
                .pSpecializationInfo = &specialization,
            },
        .layout = device->layout,
    };
    pthread_mutex_lock(&rdv_driver_lock);
    const int is_made = RDV_CALL(
        device->instance, device, fault, CreateComputePipelines, device->handle, device->cache, 1, &info, NULL,
        pipeline);
    pthread_mutex_unlock(&rdv_driver_lock);
    device->DestroyShaderModule(device->handle, module, NULL);
    return is_made;
}

void rdv_pipeline_free(rdv_device *device, VkPipeline pipeline) {
    pthread_mutex_lock(&rdv_driver_lock);
    device->DestroyPipeline(device->handle, pipeline, NULL);
    pthread_mutex_unlock(&rdv_driver_lock);
}
