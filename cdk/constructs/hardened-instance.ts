import { BlockDeviceVolume, EbsDeviceVolumeType, type LaunchTemplateProps } from 'aws-cdk-lib/aws-ec2';

/** System, image (about 6 GB unpacked) and a model of up to 6 GB, GiB. */
const diskGiB = 60;

/** What every instance of ours has: an encrypted disk, and metadata that no container reaches. */
export function hardenedInstance(): LaunchTemplateProps {
  return {
    requireImdsv2: true,
    // A container is one hop further: it cannot take the instance's role.
    httpPutResponseHopLimit: 1,
    blockDevices: [
      {
        deviceName: '/dev/xvda',
        volume: BlockDeviceVolume.ebs(diskGiB, { encrypted: true, volumeType: EbsDeviceVolumeType.GP3 }),
      },
    ],
  };
}
