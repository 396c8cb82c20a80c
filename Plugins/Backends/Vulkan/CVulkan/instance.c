// The loader, the instance and what devices say of themselves.
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static const char *const library_names[] = {
#ifdef __APPLE__
    "libvulkan.1.dylib", "libvulkan.dylib", "libMoltenVK.dylib", "/opt/homebrew/lib/libvulkan.1.dylib",
    "/opt/homebrew/lib/libMoltenVK.dylib", "/usr/local/lib/libvulkan.1.dylib",
#else
    "libvulkan.so.1", "libvulkan.so", "libMoltenVK.so",
#endif
};

pthread_mutex_t rdv_driver_lock = PTHREAD_MUTEX_INITIALIZER;

static void *open_library(void) {
    for (size_t i = 0; i < sizeof library_names / sizeof *library_names; i++) {
        void *library = dlopen(library_names[i], RTLD_NOW | RTLD_LOCAL);
        if (library) return library;
    }
    return NULL;
}

static int load_functions(rdv_instance *instance, rdv_fault *fault) {
#define RDV_LOAD(name)                                                                                                 \
    instance->name = (PFN_vk##name)instance->GetInstanceProcAddr(instance->handle, "vk" #name);                        \
    if (!instance->name) return rdv_fail(fault, RDV_BROKEN_LOADER, "vk" #name);
    RDV_INSTANCE_FUNCTIONS(RDV_LOAD)
    return 1;
}

static int create_instance(rdv_instance *instance, rdv_fault *fault) {
    PFN_vkCreateInstance CreateInstance =
        (PFN_vkCreateInstance)instance->GetInstanceProcAddr(NULL, "vkCreateInstance");
    PFN_vkEnumerateInstanceExtensionProperties Extensions =
        (PFN_vkEnumerateInstanceExtensionProperties)instance->GetInstanceProcAddr(
            NULL, "vkEnumerateInstanceExtensionProperties");
    if (!CreateInstance || !Extensions) return rdv_fail(fault, RDV_BROKEN_LOADER, "vkCreateInstance");
    // MoltenVK is listed only where this extension is asked for.
    const char *const portability = "VK_KHR_portability_enumeration";
    bool has_portability = false;
    uint32_t count = 0;
    if (Extensions(NULL, &count, NULL) == VK_SUCCESS && count > 0) {
        VkExtensionProperties *all = calloc(count, sizeof *all);
        if (all && Extensions(NULL, &count, all) >= 0)
            for (uint32_t i = 0; i < count; i++) has_portability |= !strcmp(all[i].extensionName, portability);
        free(all);
    }
    const VkApplicationInfo application = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .pApplicationName = "redrafter",
        .apiVersion = VK_API_VERSION_1_2,
    };
    const VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .flags = has_portability ? VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR : 0,
        .pApplicationInfo = &application,
        .enabledExtensionCount = has_portability ? 1 : 0,
        .ppEnabledExtensionNames = &portability,
    };
    VkResult result;
    if (!rdv_is_injected(instance, &result)) result = CreateInstance(&info, NULL, &instance->handle);
    if (result == VK_SUCCESS) return 1;
    instance->handle = VK_NULL_HANDLE;
    return rdv_fail(fault, result, "vkCreateInstance");
}

static int list_devices(rdv_instance *instance, rdv_fault *fault) {
    instance->device_count = RDV_MAXIMUM_DEVICES;
    VkResult result;
    if (!rdv_is_injected(instance, &result))
        result =
            instance->EnumeratePhysicalDevices(instance->handle, &instance->device_count, instance->devices);
    return result == VK_SUCCESS || result == VK_INCOMPLETE
        ? 1
        : rdv_fail(fault, result, "vkEnumeratePhysicalDevices");
}

static void close_instance(rdv_instance *instance) {
    if (instance->handle && instance->DestroyInstance) instance->DestroyInstance(instance->handle, NULL);
    // The library stays: drivers leave threads and handlers behind that a second opening would meet.
    free(instance);
}

static rdv_instance *open_instance(rdv_injection injection, rdv_fault *fault) {
    rdv_instance *instance = calloc(1, sizeof *instance);
    if (!instance) {
        rdv_fail(fault, VK_ERROR_OUT_OF_HOST_MEMORY, "calloc");
        return NULL;
    }
    instance->injection = injection;
    instance->library = open_library();
    if (!instance->library) {
        rdv_fail(fault, RDV_NO_LOADER, library_names[0]);
    } else {
        instance->GetInstanceProcAddr =
            (PFN_vkGetInstanceProcAddr)dlsym(instance->library, "vkGetInstanceProcAddr");
        if (!instance->GetInstanceProcAddr)
            rdv_fail(fault, RDV_BROKEN_LOADER, "vkGetInstanceProcAddr");
        else if (create_instance(instance, fault) && load_functions(instance, fault) && list_devices(instance, fault))
            return instance;
    }
    close_instance(instance);
    return NULL;
}

rdv_instance *rdv_instance_open(rdv_injection injection, rdv_fault *fault) {
    pthread_mutex_lock(&rdv_driver_lock);
    rdv_instance *instance = open_instance(injection, fault);
    pthread_mutex_unlock(&rdv_driver_lock);
    return instance;
}

void rdv_instance_close(rdv_instance *instance) {
    pthread_mutex_lock(&rdv_driver_lock);
    close_instance(instance);
    pthread_mutex_unlock(&rdv_driver_lock);
}

uint32_t rdv_device_count(const rdv_instance *instance) { return instance->device_count; }

uint64_t rdv_call_count(const rdv_instance *instance) { return atomic_load(&instance->calls); }

void rdv_device_describe(rdv_instance *instance, uint32_t index, rdv_properties *out) {
    memset(out, 0, sizeof *out);
    const VkPhysicalDevice device = instance->devices[index];
    VkPhysicalDeviceMaintenance3Properties allocation = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES};
    VkPhysicalDeviceSubgroupProperties subgroup = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES, .pNext = &allocation};
    VkPhysicalDeviceDriverProperties driver = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES, .pNext = &subgroup};
    VkPhysicalDeviceIDProperties identity = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES, .pNext = &driver};
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &identity};
    instance->GetPhysicalDeviceProperties2(device, &properties);
    const VkPhysicalDeviceLimits *limits = &properties.properties.limits;
    strncpy(out->name, properties.properties.deviceName, sizeof out->name - 1);
    strncpy(out->driver, driver.driverName, sizeof out->driver - 1);
    strncpy(out->driver_version, driver.driverInfo, sizeof out->driver_version - 1);
    memcpy(out->uuid, identity.deviceUUID, sizeof out->uuid);
    out->type = properties.properties.deviceType;
    out->api_version = properties.properties.apiVersion;
    out->allocation_bytes = allocation.maxMemoryAllocationSize;
    out->limits = *limits;
    out->subgroup_size = subgroup.subgroupSize;
    if (subgroup.supportedStages & VK_SHADER_STAGE_COMPUTE_BIT)
        out->subgroup_operations = subgroup.supportedOperations;
    uint64_t alignment = 64;
    if (limits->minStorageBufferOffsetAlignment > alignment) alignment = limits->minStorageBufferOffsetAlignment;
    if (limits->minTexelBufferOffsetAlignment > alignment) alignment = limits->minTexelBufferOffsetAlignment;
    out->alignment = (uint32_t)alignment;
    VkPhysicalDeviceMemoryProperties memory;
    instance->GetPhysicalDeviceMemoryProperties(device, &memory);
    const VkMemoryPropertyFlags mapped = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT | VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT
        | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
    for (uint32_t i = 0; i < memory.memoryHeapCount; i++)
        if ((memory.memoryHeaps[i].flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT)
            && memory.memoryHeaps[i].size > out->heap_bytes)
            out->heap_bytes = memory.memoryHeaps[i].size;
    // The small window into a card's memory that older systems have does not count.
    for (uint32_t i = 0; i < memory.memoryTypeCount; i++)
        if ((memory.memoryTypes[i].propertyFlags & mapped) == mapped
            && memory.memoryHeaps[memory.memoryTypes[i].heapIndex].size == out->heap_bytes)
            out->mapped = 1;
}
