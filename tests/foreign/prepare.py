"""Prepares a cloud for the suites: users, an image and the metadata definitions that they expect.

usage: prepare.py CLOUD, an administrator in clouds.yaml
"""

import io
import sys

import openstack

PROJECTS = 3
PASSWORD = "secret"
NAMESPACE = "OS::Compute::Hypervisor"


def users(cloud):
    """Projects with a member and a reader each, which tests share with nobody."""
    for number in range(1, PROJECTS + 1):
        name = f"suite-{number}"
        if cloud.identity.find_project(name):
            continue
        project = cloud.identity.create_project(name=name, domain_id="default")
        for role in ("member", "reader"):
            user = cloud.identity.create_user(
                name=f"{name}-{role}", password=PASSWORD, domain_id="default", default_project_id=project.id
            )
            cloud.identity.assign_project_role_to_user(project, user, cloud.identity.find_role(role))


def metadata_definitions(cloud):
    image = cloud.image
    if all(known.namespace != NAMESPACE for known in image.metadef_namespaces()):
        image.create_metadef_namespace(namespace=NAMESPACE, visibility="public")
        image.create_metadef_resource_type_association(NAMESPACE, name="OS::Glance::Image")


def cirros(cloud):
    """openstacksdk's tests need an image of such a name."""
    name = "cirros-uec"
    if not cloud.image.find_image(name):
        cloud.image.create_image(
            name=name,
            data=io.BytesIO(bytes(4096)),
            disk_format="raw",
            container_format="bare",
            visibility="public",
            validate_checksum=False,
        )


def main():
    cloud = openstack.connect(cloud=sys.argv[1])
    users(cloud)
    metadata_definitions(cloud)
    cirros(cloud)


if __name__ == "__main__":
    main()
