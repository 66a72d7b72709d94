"""Application of ``deploy/tenant/*.yaml`` through the service APIs, on one machine. In AWS, CloudFormation does this.

``tenants.provision_tenant`` and ``platform.ensure_platform_key`` are the ways in. The 12-digit root keys of the local
engines are used in this package and nowhere else.
"""
